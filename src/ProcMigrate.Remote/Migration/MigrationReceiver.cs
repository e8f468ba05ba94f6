using System.Text.Json;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Linux.Files;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>The far side of checks and migrations. The steps of a migration have their numbers from docs/remote.md.</summary>
internal sealed class MigrationReceiver(FrameReader reader, FrameWriter writer, IFarEngine engine, ImageOffer offer, CancellationToken cancel)
{
    private const string StateVariable = "PROCMIGRATE_MIGRATION";
    private const int MaxDescription = 512 << 20;
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(30);
    private bool committed;

    /// <returns>False where it failed, which the near side was told.</returns>
    public bool Run() => Guarded(() =>
    {
        switch (offer.Purpose)
        {
            case ImageOffer.Check:
                using (Descriptor description = ReceiveDescription())
                    Check(PathOf(description), TakesMemory(PathOf(description)));
                break;
            case ImageOffer.Migrate: Migrate(); break;
            case ImageOffer.Settle: Settle(); break;
            default: throw new FrameException(FrameFault.BadPayload, "an offer for no known purpose");
        }
    });

    private bool Guarded(Action work)
    {
        try
        {
            work();
            return true;
        }
        catch (FrameException e) when (e.Fault is FrameFault.Ended or FrameFault.Silent)
        {
            throw;
        }
        catch (Exception e) when (!committed)
        {
            // All that was begun is undone by now, and the near side may let its tree run on.
            writer.WriteAnswer(FrameType.Failed, FarStep.Undone, offer.ImageId, engine.Describe(e));
            return false;
        }
    }

    private bool TakesMemory(string description) => !offer.KeepImage && engine.TakesMemory(description, offer.Arguments ?? []);

    private void Answer(FarStep step, string text) => writer.WriteAnswer(FrameType.Answer, step, offer.ImageId, text);

    private void Check(string description, bool takesMemory) => Answer(
        FarStep.Judged, engine.Check(description, offer.Arguments ?? [], takesMemory ? null : ReceivePath.StateRoot()));

    private Descriptor ReceiveDescription()
    {
        Descriptor file = MemoryFile.Create("description", 0);
        try
        {
            reader.Read();
            for (; reader.IsData; reader.Read())
            {
                ReadOnlySpan<byte> bytes = reader.Data(out long offset);
                if (offset > MaxDescription)
                    throw new FrameException(FrameFault.BadPayload, "the description of the tree is too long");
                FileCalls.WriteAt(file, bytes, offset);
            }
            return reader.Type == FrameType.End ? file : throw reader.Unexpected();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void Migrate()
    {
        using Descriptor description = ReceiveDescription();
        string described = PathOf(description);
        bool takesMemory = TakesMemory(described);
        Check(described, takesMemory);
        Guid id = IdOf(described);
        MigrationFolder.RemoveStale();
        using TargetFile spool = TargetFile.Create(
            offer.KeepImage ? ReceivePath.Resolve(offer.To, offer.Name) : SpoolOf(id), overwrite: false);
        var image = new ImageOnItsWay(reader, spool);
        string path = takesMemory ? described : image.ReceiveWhole();
        // A second self of this command may have to do it; it goes on with our streams where we are.
        var state = new MigrationState(offer, takesMemory);
        Environment.SetEnvironmentVariable(StateVariable, JsonSerializer.Serialize(state, TransferJson.Default.MigrationState));
        if (engine.RestoreInside(path, takesMemory ? description : spool.Handle, offer.Arguments ?? []) is not { } exitCode)
            Restore(path, id, takesMemory ? image : null);
        else if (exitCode != 0)
            return;
        if (offer.KeepImage)
            spool.Publish();
    }

    private static string SpoolOf(Guid id) => $"{MigrationFolder.Path()}/{id}.pmi";

    private static Guid IdOf(string image)
    {
        using ImageReader opened = ImageReader.Open(image);
        return opened.Tree.Id;
    }

    /// <summary>What the command's second self does, inside namespaces.</summary>
    public static bool RunInside(FrameReader reader, FrameWriter writer, IFarEngine engine, string image, CancellationToken cancel)
    {
        MigrationState state = JsonSerializer.Deserialize(Environment.GetEnvironmentVariable(StateVariable) ?? "", TransferJson.Default.MigrationState)!;
        reader.Patience = TimeSpan.FromSeconds(state.Offer.SilenceSeconds);
        var receiver = new MigrationReceiver(reader, writer, engine, state.Offer, cancel);
        return receiver.Guarded(() =>
        {
            Guid id = IdOf(image);
            using TargetFile? spool = state.TakesMemory ? TargetFile.Create(SpoolOf(id), overwrite: false) : null;
            receiver.Restore(image, id, spool is null ? null : new ImageOnItsWay(reader, spool));
        });
    }

    /// <param name="path">Of the image, or of its description where the memory is still to come.</param>
    private void Restore(string path, Guid id, ArrivingImage? arriving)
    {
        FileStream? held = null;
        string result;
        try
        {
            var gate = new FarGate(() => AwaitCommit(id), processes => Prepare(held = HoldFile(id), processes), () => Commit(id));
            result = engine.Restore(path, arriving, offer.Arguments ?? [], !offer.KeepImage, gate, cancel);
        }
        catch when (!committed)
        {
            // Nothing of the tree is left; who asks is told "aborted" all the same.
            if (held is not null)
                File.Delete(MigrationFolder.Held(id));
            throw;
        }
        finally
        {
            held?.Dispose();
        }
        Answer(FarStep.Runs, result);
        if (reader.Read() == FrameType.End)
            MigrationFolder.Forget(id);
    }

    /// <summary>
    /// Step 7, its file. Not made earlier: killed before the near side commits, nobody would come to ask, and it would stay. But so it may
    /// be that somebody has asked already, found no file, and was told that nothing runs here; whoever makes his of the two first, file
    /// or outcome, is seen by the other.
    /// </summary>
    private static FileStream HoldFile(Guid id)
    {
        FileStream held = MigrationFolder.TryLock(MigrationFolder.Held(id), create: true)
            ?? throw new RemoteException(RemoteFailure.FarSideFailed, "", "the same migration is at work here already");
        if (MigrationFolder.OutcomeOf(id) is null)
            return held;
        File.Delete(MigrationFolder.Held(id));
        held.Dispose();
        throw GivenUp();
    }

    /// <summary>Step 5: the tree is complete. It dies with us until the near side has said that its own cannot run any more.</summary>
    private void AwaitCommit(Guid id)
    {
        cancel.ThrowIfCancellationRequested();
        Answer(FarStep.Ready, "");
        if (reader.Read() != FrameType.Commit)
            throw reader.Unexpected();
        if (reader.Committed() != id)
            throw new FrameException(FrameFault.BadPayload, "another tree than the one that is here is to run");
    }

    private static void Prepare(FileStream held, IReadOnlyList<(int Pid, int OuterPid, bool Runs)> processes)
    {
        var lines = new List<string>();
        foreach ((int pid, int outerPid, bool runs) in processes)
            lines.Add(MigrationFolder.LineOf(pid, outerPid, runs));
        MigrationFolder.Write(held, lines);
    }

    private void Commit(Guid id)
    {
        if (MigrationFolder.Settle(id, MigrationFolder.Runs) != MigrationFolder.Runs)
            throw GivenUp();
        committed = true;
    }

    private static RemoteException GivenUp() =>
        new(RemoteFailure.ConnectionCut, "", "the near side has given the migration up meanwhile");

    /// <summary>
    /// The connection was lost when the outcome was not yet known over there. What has not been decided is decided now, against the tree
    /// here; then whoever worked on it is waited for, and what he left is brought to where it belongs.
    /// </summary>
    private void Settle()
    {
        string outcome = MigrationFolder.Settle(offer.ImageId, MigrationFolder.Aborted);
        string path = MigrationFolder.Held(offer.ImageId);
        FileStream? held = null;
        for (var start = DateTime.UtcNow; File.Exists(path) && (held = MigrationFolder.TryLock(path, create: false)) is null;)
        {
            if (DateTime.UtcNow - start > SettlePatience)
                throw new RemoteException(RemoteFailure.FarSideFailed, "", "the procmigrate that works on this migration does not come to an end; ask again");
            cancel.ThrowIfCancellationRequested();
            Thread.Sleep(20);
        }
        using (held)
        {
            if (held is not null && outcome == MigrationFolder.Runs)
                HeldProcesses.LetRun(MigrationFolder.Read(held));
            else if (held is not null)
                HeldProcesses.Kill(MigrationFolder.Read(held));
            Answer(FarStep.Settled, outcome);
            if (reader.Read() == FrameType.End)
                MigrationFolder.Forget(offer.ImageId);
        }
    }

    private static string PathOf(Descriptor file) => $"/proc/self/fd/{file.Number}";
}
