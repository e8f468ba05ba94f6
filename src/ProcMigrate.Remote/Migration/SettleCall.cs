using System.Diagnostics;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>Asks a host what became of a migration. With the answer it is over: what had not run by then never will.</summary>
internal sealed class SettleCall : IDisposable
{
    private readonly SshConnection connection;
    private readonly FrameWriter writer;

    private SettleCall(SshConnection connection, FrameWriter writer, bool runs) => (this.connection, this.writer, Runs) = (connection, writer, runs);

    /// <summary>Whether the tree lives over there.</summary>
    public bool Runs { get; }

    /// <summary>Tries until the host answers.</summary>
    public static SettleCall Ask(Guid id, SshTarget target, TimeSpan patience, Exception? lost)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return AskOnce(id, target);
            }
            catch (RemoteException e)
            {
                if (watch.Elapsed > patience)
                {
                    throw new RemoteException(
                        RemoteFailure.Unsettled, target.Host,
                        $"the connection to {target.DisplayName} was lost when the tree was about to run there, and the host has not answered since: {e.Message} "
                        + "The tree stays stopped here, so that it never runs twice. When the host can be reached again, "
                        + $"`procmigrate migrate --settle {id}` finds out, and ends it or lets it run on", lost ?? e);
                }
            }
            Thread.Sleep(500);
        }
    }

    private static SettleCall AskOnce(Guid id, SshTarget target)
    {
        var connection = new FarHost(target).StartReceive(CancellationToken.None);
        try
        {
            var writer = new FrameWriter(connection.Input);
            var answers = new FarAnswers(
                connection, line => new RemoteException(RemoteFailure.FarSideFailed, target.Host, line), CancellationToken.None);
            var offer = new ImageOffer(ImageOffer.CurrentVersion, "", 0, id, RemoteImages.DefaultSilenceSeconds, Purpose: ImageOffer.Settle);
            try
            {
                writer.WriteMessage(FrameType.Offer, offer, TransferJson.Default.ImageOffer);
            }
            catch (IOException)
            {
                throw answers.Lost();
            }
            string outcome = answers.Read();
            if (outcome is MigrationFolder.Runs or MigrationFolder.Aborted)
                return new SettleCall(connection, writer, outcome == MigrationFolder.Runs);
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
