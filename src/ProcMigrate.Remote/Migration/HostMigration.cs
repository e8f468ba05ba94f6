using System.Diagnostics;
using ProcMigrate.Image;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>The near side of a check or migration: one connection to the host, from before the tree is frozen until it runs there.</summary>
public sealed class HostMigration : IDisposable
{
    /// <summary>What is received is read once more over there, at this speed at least.</summary>
    private const long SlowestBytesPerSecond = 8L << 20;

    /// <summary>For how long an answer is still waited for that can make all certain, when somebody wants us to end.</summary>
    private static readonly TimeSpan Interrupted = TimeSpan.FromMilliseconds(500);

    private readonly MigrationSettings settings;
    private readonly CancellationToken cancel;
    private readonly SshConnection connection;
    private readonly FrameWriter writer;
    private readonly FarAnswers answers;
    private readonly Packing packing;
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private MigrationJournal? journal;
    private SettleCall? settled;
    private Exception? stopped;
    private Guid id;

    /// <param name="failed">Makes an exception of the line of an error that the far side sent.</param>
    private HostMigration(MigrationSettings settings, SshConnection connection, string purpose, Func<string, Exception> failed, CancellationToken cancel)
    {
        (this.settings, this.connection, this.cancel) = (settings, connection, cancel);
        writer = new FrameWriter(connection.Input);
        var conversation = Guid.NewGuid();
        answers = new FarAnswers(connection, conversation, failed, cancel);
        packing = new Packing(settings.Compression);
        Image = new FrameSink(writer, packing, $"the image on its way to {settings.Target.DisplayName}", FarSideStopped);
        var offer = new ImageOffer(
            ImageOffer.CurrentVersion, settings.KeptName ?? "", 0, conversation, RemoteImages.DefaultSilenceSeconds, null, purpose,
            [.. settings.RestoreArguments], settings.KeptName is not null);
        Expect("take the offer");
        Write(() => writer.WriteMessage(FrameType.Offer, offer, TransferJson.Default.ImageOffer));
    }

    /// <summary>Where the image goes.</summary>
    public ImageSink Image { get; }

    /// <summary>True where the connection was lost for good when the far side could have let the tree run.</summary>
    public bool Unsettled { get; private set; }

    public TimeSpan ConnectTime { get; private init; }
    public TimeSpan DeployTime { get; private init; }

    /// <summary>Bytes that went over the connection, and bytes of the image before packing.</summary>
    public long SentBytes => writer.BytesWritten;
    public long ImageBytes => packing.Total;

    public static HostMigration Connect(
        MigrationSettings settings, bool check, Func<string, Exception> failed, Action<TransferProgress>? progress, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        var host = new FarHost(settings.Target, progress);
        SshConnection connection = host.StartReceive(cancel);
        try
        {
            return new HostMigration(settings, connection, check ? ImageOffer.Check : ImageOffer.Migrate, failed, cancel)
            {
                ConnectTime = watch.Elapsed - host.DeployTime,
                DeployTime = host.DeployTime,
            };
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Sends a description and gives the far side's line about it.</summary>
    public string Check(ReadOnlyMemory<byte> description)
    {
        Expect("take the description of the tree");
        for (int at = 0; at < description.Length; at += FrameHeader.MaxData)
        {
            ReadOnlyMemory<byte> piece = description.Slice(at, Math.Min(FrameHeader.MaxData, description.Length - at));
            Write(() => writer.WriteRaw(at, piece.Span));
        }
        Write(writer.WriteEnd);
        Expect("judge the description of the tree", HostPatience.Step);
        string judged = answers.Read(FarStep.Judged);
        // What follows is the image, piece by piece.
        Expect("take the image");
        return judged;
    }

    /// <summary>
    /// Lets the tree run over there and gives the line about it; empty where that line was lost with the connection. An exception means
    /// that it does not run there, unless <see cref="Unsettled"/>.
    /// </summary>
    /// <param name="hold">Makes sure that the tree cannot run here any more, should this process end.</param>
    public string TakeOver(Guid id, IReadOnlyList<int> pids, Action hold)
    {
        Expect("make the tree of what it has received", HostPatience.Step + TimeSpan.FromSeconds((double)ImageBytes / SlowestBytesPerSecond));
        answers.Read(FarStep.Ready);
        cancel.ThrowIfCancellationRequested();
        this.id = id;
        // The journal first: killed between the two, this side has a tree that runs and a stand-by that finds it so.
        journal = MigrationJournal.Begin(id, settings.Target, pids);
        Hold(hold);
        // Interrupted from here on is interrupted too late: half a second more, and all is certain.
        connection.EndOn(CancellationToken.None);
        Expect("let the tree run", HostPatience.Commit);
        using CancellationTokenRegistration hurry = cancel.Register(() => connection.Pulse.Hurry(Interrupted));
        try
        {
            writer.WriteCommit(id);
            return RestoreLine.Checked(answers.Read(FarStep.Runs), settings.Target);
        }
        // Whatever else goes wrong from here on, be it a fault of ours: only the far side's own word makes it certain that nothing runs there.
        catch (Exception e) when (!answers.FarSideGaveUp)
        {
            connection.Dispose();
            return SettleLater(id, pids, e);
        }
        finally
        {
            if (answers.FarSideGaveUp)
                EndJournal();
        }
    }

    private void Hold(Action hold)
    {
        try
        {
            hold();
        }
        catch
        {
            EndJournal();
            throw;
        }
    }

    /// <summary>The tree is no more here.</summary>
    public void Ended()
    {
        EndJournal();
        // The connection that was lost then has been disposed, and the matter was settled over another.
        if (settled is null && !EndConnection())
            settled = AskToForget();
        settled?.Finish();
    }

    /// <returns>False where it was lost before the far side had removed what it kept of the migration.</returns>
    private bool EndConnection()
    {
        Expect("forget the migration");
        try
        {
            writer.WriteEnd();
        }
        catch (IOException)
        {
            return false;
        }
        return connection.WaitForEnd() == 0;
    }

    private SettleCall? AskToForget()
    {
        try
        {
            return SettleCall.Ask(id, settings.Target, TimeSpan.Zero, null, [], cancel, HostPatience.Silence);
        }
        catch (RemoteException)
        {
            // It removes that later by itself.
            return null;
        }
    }

    public void Dispose()
    {
        settled?.Dispose();
        journal?.Dispose();
        connection.Dispose();
    }

    private string SettleLater(Guid id, IReadOnlyList<int> pids, Exception lost)
    {
        Unsettled = true;
        settled = SettleCall.Ask(id, settings.Target, settings.SettlePatience ?? HostPatience.Settle, lost, pids, cancel);
        Unsettled = false;
        if (settled.Runs)
            return "";
        settled.Finish();
        EndJournal();
        throw new RemoteException(
            RemoteFailure.ConnectionCut, settings.Target.Host,
            $"the connection to {settings.Target.DisplayName} was lost before the tree ran there; it is given up there, and runs on here. It was lost like this: {SettleCall.Words(lost)}", lost);
    }

    private void Expect(string what, TimeSpan? inAll = null) => connection.Pulse.Expect(what, HostPatience.Silence, inAll);

    private void EndJournal()
    {
        journal?.End();
        journal = null;
    }

    private void Write(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw FarSideStopped();
        }
    }

    /// <summary>The far side reads no more: mostly it has said why.</summary>
    private Exception FarSideStopped()
    {
        // Several threads write.
        lock (packing)
        {
            try
            {
                // An answer where none is due is as wrong as none at all.
                if (stopped is null)
                    answers.Read(FarStep.Undone);
                return stopped ??= answers.Lost();
            }
            catch (Exception e)
            {
                return stopped = e;
            }
        }
    }
}
