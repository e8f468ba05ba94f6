using System.Runtime.InteropServices;
using ProcMigrate.Cli.Output;
using ProcMigrate.Cli.Verbs;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Image;
using ProcMigrate.Remote.Migration;

namespace ProcMigrate.Cli.Hosting;

/// <summary>What the verb receive has the engine do for checks and migrations from another host.</summary>
internal sealed class FarEngine(IEngine engine, Interruption? interruption) : IFarEngine
{
    public string Check(string image, IReadOnlyList<string> arguments, string? spool) =>
        EventLine.Write(new VerbResult { Verb = "check", Blockers = engine.CheckImage(Options(image, arguments) with { Spool = spool }) });

    public bool TakesMemory(string description, IReadOnlyList<string> arguments) => engine.TakesMemory(Options(description, arguments));

    public string? ImageInside => InsideNamespaces.Current?.ImageDescriptor is { } number ? $"/proc/self/fd/{number}" : null;

    public int? RestoreInside(string image, SafeHandle handle, IReadOnlyList<string> arguments) =>
        engine.RestoreInside(Options(image, arguments), handle, CancellationToken.None);

    public string Restore(string image, ArrivingImage? arriving, IReadOnlyList<string> arguments, bool consume, FarGate gate, CancellationToken cancel)
    {
        var options = Options(image, arguments) with
        {
            Arriving = arriving,
            Verified = true,
            Consume = consume,
            Gate = new ReleaseGate(gate.Await, processes => gate.Prepare([.. processes.Select(p => (p.Pid, OuterPid(p.Pid), p.Runs))]), gate.Commit),
        };
        var restored = engine.Restore(options, _ => { }, cancel);
        return EventLine.Write(new VerbResult
        {
            Verb = "restore",
            Pid = restored.Pid,
            Processes = restored.Processes,
            Timings = restored.Timings,
            MemoryBytes = restored.MemoryBytes,
            Warnings = restored.Warnings,
        });
    }

    public string Describe(Exception failure) => EventLine.Write(Failure.Describe(failure, interruption?.ExitCode ?? 1));

    private static int OuterPid(int pid) => InsideNamespaces.Current is { } inside ? inside.OuterPid(pid) : pid;

    /// <summary>The near side has parsed these options once, with the same words.</summary>
    private static RestoreOptions Options(string image, IReadOnlyList<string> arguments)
    {
        var verb = new RestoreVerb();
        var line = verb.Command.Parse([.. arguments, "--", image]);
        if (line.Errors.Count > 0)
            throw new UsageException($"this procmigrate does not understand the options of the restore: {line.Errors[0].Message}");
        return verb.ReadOptions(line, image);
    }
}
