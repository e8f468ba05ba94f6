using System.Runtime.InteropServices;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;
using ProcMigrate.Tests.Image;
using Xunit;

namespace ProcMigrate.Tests.Remote;

/// <summary>The far side of a migration, fed byte for byte: what it writes down, and when, around an engine that only watches.</summary>
[Collection(StateFolderCollection.Name)]
public sealed class MigrationReceiverTests : IDisposable
{
    private const string StateVariable = "XDG_STATE_HOME";
    private static readonly byte[] Image = ImageBytes(out Id);
    private static readonly Guid Id;

    private readonly TemporaryFolder folder = new();
    private readonly string? oldState = Environment.GetEnvironmentVariable(StateVariable);

    public MigrationReceiverTests() => Environment.SetEnvironmentVariable(StateVariable, folder.Path);

    private string Migrations => folder.File("procmigrate/migrations");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(StateVariable, oldState);
        folder.Dispose();
    }

    [Fact]
    public void Migrate_ToTheEnd_LeavesNothing()
    {
        var engine = new WatchingEngine(Migrations);
        string[] answers = Receive(engine, UpToCommit(), Frame(FrameType.End));
        Assert.Equal(["Judged: nothing in the way", "Ready: ", "Runs: it runs"], answers);
        Assert.Equal([$"{Id}.held"], engine.AtPrepare!);
        Assert.Equal([$"{Id}.held", $"{Id}.outcome"], engine.AtEnd!);
        Assert.Empty(Written());
    }

    /// <summary>The near side has written nothing down yet and will never ask: what stood here would stay for ever.</summary>
    [Fact]
    public void Migrate_BeforeTheCommit_HasWrittenNothing()
    {
        var engine = new WatchingEngine(Migrations);
        Receive(engine, UpToCommit(), Frame(FrameType.End));
        Assert.Empty(engine.AtAwait!);
    }

    [Fact]
    public void Migrate_CutBeforeTheCommit_LeavesNothing()
    {
        var engine = new WatchingEngine(Migrations);
        byte[] bytes = UpToCommit();
        Assert.Throws<RemoteException>(() => Receive(engine, bytes[..^1]));
        Assert.Null(engine.AtPrepare);
        Assert.Empty(Written());
    }

    /// <summary>Nobody but the near side of this very migration lets the tree run.</summary>
    [Fact]
    public void Migrate_CommittedForAnotherTree_DoesNotRun()
    {
        var engine = new WatchingEngine(Migrations);
        string[] answers = Receive(engine, UpToCommit(Guid.NewGuid()));
        Assert.Null(engine.AtPrepare);
        Assert.Equal("Undone: another tree than the one that is here is to run", answers[^1]);
        Assert.Empty(Written());
    }

    /// <summary>The near side was lost after its commit, its stand-by asked at once and was told that nothing runs here.</summary>
    [Fact]
    public void Migrate_GivenUpBeforeItWasPrepared_DoesNotRun()
    {
        var engine = new WatchingEngine(Migrations) { BeforePrepare = () => MigrationFolder.Settle(Id, MigrationFolder.Aborted) };
        string[] answers = Receive(engine, UpToCommit());
        Assert.Null(engine.AtPrepare);
        Assert.Contains("given the migration up", answers[^1], StringComparison.Ordinal);
        Assert.Equal([$"{Id}.outcome"], Written());
    }

    [Fact]
    public void Migrate_GivenUpAfterItWasPrepared_DoesNotRun()
    {
        var engine = new WatchingEngine(Migrations) { BeforeCommit = () => MigrationFolder.Settle(Id, MigrationFolder.Aborted) };
        string[] answers = Receive(engine, UpToCommit());
        Assert.Null(engine.AtEnd);
        Assert.Contains("given the migration up", answers[^1], StringComparison.Ordinal);
        Assert.Equal([$"{Id}.outcome"], Written());
    }

    [Theory]
    [InlineData(MigrationFolder.Runs)]
    [InlineData(MigrationFolder.Aborted)]
    public void Settle_TellsWhatWasDecided_AndForgets(string outcome)
    {
        MigrationFolder.Settle(Id, outcome);
        Assert.Equal([$"Settled: {outcome}"], Receive(new WatchingEngine(Migrations), Settle(), Frame(FrameType.End)));
        Assert.Empty(Written());
    }

    /// <summary>The answer may be lost: whoever asks again must hear the same.</summary>
    [Fact]
    public void Settle_NothingDecided_DecidesForGood()
    {
        Assert.Throws<RemoteException>(() => Receive(new WatchingEngine(Migrations), Settle()));
        Assert.Equal(MigrationFolder.Aborted, MigrationFolder.Settle(Id, MigrationFolder.Runs));
    }

    /// <summary>An engine that is still at work may have a tree that no longer dies with it.</summary>
    [Fact]
    public async Task Settle_WaitsForTheEngineAtWork()
    {
        FileStream held = MigrationFolder.TryLock(MigrationFolder.Held(Id), create: true)!;
        Task<string[]> settling = Task.Run(
            () => Receive(new WatchingEngine(Migrations), Settle(), Frame(FrameType.End)), TestContext.Current.CancellationToken);
        while (MigrationFolder.OutcomeOf(Id) is null)
            await Task.Delay(1, TestContext.Current.CancellationToken);
        Assert.False(settling.IsCompleted);
        await held.DisposeAsync();
        Assert.Equal([$"Settled: {MigrationFolder.Aborted}"], await settling);
        Assert.Empty(Written());
    }

    private string[] Written() => [.. Directory.GetFileSystemEntries(Migrations).Select(p => Path.GetFileName(p)!).Order()];

    private static byte[] ImageBytes(out Guid id)
    {
        var memory = new ImageInMemory();
        using var writer = ImageWriter.To(memory);
        SampleImage.Fill(writer);
        writer.Commit();
        id = SampleTree.Create().Id;
        return memory.Bytes.ToArray();
    }

    private static byte[] UpToCommit(Guid? commit = null) => FrameTests.Write(writer =>
    {
        writer.WriteMessage(FrameType.Offer, Offer(ImageOffer.Migrate), TransferJson.Default.ImageOffer);
        for (int copy = 0; copy < 2; copy++)
        {
            FrameTests.WriteData(writer, 0, Image);
            writer.WriteEnd();
        }
        writer.WriteCommit(commit ?? Id);
    });

    private static byte[] Settle() =>
        FrameTests.Write(writer => writer.WriteMessage(FrameType.Offer, Offer(ImageOffer.Settle), TransferJson.Default.ImageOffer));

    private static byte[] Frame(FrameType type) => FrameTests.Forge((byte)type, 0, []);

    private static ImageOffer Offer(string purpose) => new(ImageOffer.CurrentVersion, "sim.pmi", Image.Length, Id, 60, Purpose: purpose);

    /// <summary>What the far side answered.</summary>
    private static string[] Receive(WatchingEngine engine, params byte[][] input)
    {
        var output = new MemoryStream();
        new ImageReceiver(new MemoryStream([.. input.SelectMany(bytes => bytes)]), output, null, _ => Id, engine).Receive();
        output.Position = 0;
        var reader = new FrameReader(output);
        var answers = new List<string>();
        while (output.Position < output.Length)
        {
            reader.Read();
            byte[] payload = reader.Payload.ToArray();
            Assert.Equal(Id, new Guid(payload.AsSpan(1, 16)));
            answers.Add($"{(FarStep)payload[0]}: {reader.Answer((FarStep)payload[0], Id)}");
        }
        return [.. answers];
    }

    /// <summary>Passes the gate as the engine does, and looks at what is written down at each step.</summary>
    private sealed class WatchingEngine(string migrations) : IFarEngine
    {
        public Action BeforePrepare { get; init; } = () => { };

        public Action BeforeCommit { get; init; } = () => { };

        public string[]? AtAwait { get; private set; }

        public string[]? AtPrepare { get; private set; }

        public string[]? AtEnd { get; private set; }

        public string? ImageInside => null;

        public string Check(string image, IReadOnlyList<string> arguments, string? spool) => "nothing in the way";

        public bool TakesMemory(string description, IReadOnlyList<string> arguments) => false;

        public int? RestoreInside(string image, SafeHandle handle, IReadOnlyList<string> arguments) => null;

        public string Describe(Exception failure) => failure.Message;

        public string Restore(string image, ArrivingImage? arriving, IReadOnlyList<string> arguments, bool consume, FarGate gate, CancellationToken cancel)
        {
            AtAwait = Look();
            gate.Await();
            BeforePrepare();
            gate.Prepare([(Environment.ProcessId, Environment.ProcessId, true)]);
            AtPrepare = Look();
            BeforeCommit();
            gate.Commit();
            AtEnd = Look();
            return "it runs";
        }

        private string[] Look() => [.. Directory.GetFileSystemEntries(migrations).Select(p => Path.GetFileName(p)!).Order()];
    }
}
