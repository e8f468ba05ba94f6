using ProcMigrate.Engine.Contracts;
using ProcMigrate.Remote;

namespace ProcMigrate.Tests.Cli;

/// <summary>Answers of an engine and of a host.</summary>
internal static class Samples
{
    public static Guid ImageId { get; } = Guid.Parse("11112222-3333-4444-5555-666677778888");

    public static Blocker Blocker { get; } = new("NetworkConnection", 4711, 7, "tcp 10.0.0.1:22", "the peer would see it break", "close it");

    public static SaveResult Saved { get; } = new(
        4711, [new(4711, "sim", 5)], "/tmp/sim.pmi", ImageId, 4096, 2048, new() { ["freezeMs"] = 61.5, ["totalMs"] = 90 }, []);

    public static RestoreResult Restored(string path, int? exitCode = null) =>
        new(4711, [new(4711, "sim", 5)], path, ImageId, 2048, new() { ["totalMs"] = 85 }, [], exitCode);

    public static RemoteOutcome Answer(int exitCode, string line) =>
        new("n2", exitCode, line);
}
