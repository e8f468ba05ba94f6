using System.Diagnostics;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>Asks a host what became of a migration. With the answer it is over: what had not run by then never will.</summary>
internal sealed class SettleCall : IDisposable
{
    private const int MaxPids = 32;
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(500);

    private readonly SshConnection connection;
    private readonly FrameWriter writer;

    private SettleCall(SshConnection connection, FrameWriter writer, bool runs) => (this.connection, this.writer, Runs) = (connection, writer, runs);

    /// <summary>Whether the tree lives over there.</summary>
    public bool Runs { get; }

    /// <summary>Tries until the host answers.</summary>
    /// <param name="patience">After so long the last try begins, or is the last; each try has an end of its own.</param>
    /// <param name="pids">Processes of the tree here.</param>
    /// <param name="login">Until the host has to answer at all; null: as long as a login may take.</param>
    public static SettleCall Ask(
        Guid id, SshTarget target, TimeSpan patience, Exception? lost, IReadOnlyList<int> pids, CancellationToken cancel, TimeSpan? login = null)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                cancel.ThrowIfCancellationRequested();
                return AskOnce(id, target, login, cancel);
            }
            catch (Exception e) when (e is RemoteException or OperationCanceledException)
            {
                if (watch.Elapsed > patience || cancel.IsCancellationRequested)
                    throw new RemoteException(RemoteFailure.Unsettled, target.Host, WhatToDo(id, target, lost, e, pids), lost ?? e);
            }
            cancel.WaitHandle.WaitOne(BetweenTries);
        }
    }

    private static string WhatToDo(Guid id, SshTarget target, Exception? lost, Exception last, IReadOnlyList<int> pids)
    {
        string why = last is RemoteException ? last.Message : "you ended the wait for its answer.";
        string how = lost is null ? "" : $"It was lost like this: {Words(lost)}\n";
        string signal = pids.Count is > 0 and <= MaxPids ? $"`kill -CONT {string.Join(' ', pids)}`" : "`kill -CONT`, for each of its processes";
        return $"{target.DisplayName} was lost when the tree was about to run there, and has not said since whether it does: {why}\n{how}"
            + "The tree stays stopped here, so that it never runs twice. When the host can be reached again, "
            + $"`procmigrate migrate --settle {id}` finds out, and ends it or lets it run on; for an hour that is tried without you. "
            + $"Only if it is certain that it does not run there, and never will (the host is gone for good): {signal} lets it run on here";
    }

    /// <summary>An exception of .NET's own has no words in the native binary.</summary>
    public static string Words(Exception lost) => lost is RemoteException ? lost.Message : IoFailure.Describe(lost);

    private static SettleCall AskOnce(Guid id, SshTarget target, TimeSpan? login, CancellationToken cancel)
    {
        var connection = new FarHost(target, login: login).StartReceive(cancel);
        try
        {
            connection.EndOn(cancel);
            var writer = new FrameWriter(connection.Input);
            var answers = new FarAnswers(connection, id, line => new RemoteException(RemoteFailure.FarSideFailed, target.Host, FarText.Clean(line)), cancel);
            var offer = new ImageOffer(ImageOffer.CurrentVersion, "", 0, id, RemoteImages.DefaultSilenceSeconds, Purpose: ImageOffer.Settle);
            connection.Pulse.Expect("tell what became of the tree", HostPatience.Silence, HostPatience.Settle);
            try
            {
                writer.WriteMessage(FrameType.Offer, offer, TransferJson.Default.ImageOffer);
            }
            catch (IOException)
            {
                throw answers.Lost();
            }
            string outcome = answers.Read(FarStep.Settled);
            if (outcome is MigrationFolder.Runs or MigrationFolder.Aborted)
            {
                connection.EndOn(CancellationToken.None);
                return new SettleCall(connection, writer, outcome == MigrationFolder.Runs);
            }
            throw new RemoteException(RemoteFailure.ProtocolError, target.Host, $"{target.DisplayName} answers \"{FarText.Clean(outcome)}\", which was not expected.");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>This side is as the answer demands; the host may forget.</summary>
    public void Finish()
    {
        try
        {
            writer.WriteEnd();
            connection.WaitForEnd();
        }
        catch (IOException)
        {
            // It removes what it keeps later.
        }
    }

    public void Dispose() => connection.Dispose();
}
