using ProcMigrate.Remote.Ssh;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>Reads what the far side of a check or migration answers; every failure becomes an exception in words.</summary>
/// <param name="offer">Id of the offer that all of it has to be an answer to.</param>
internal sealed class FarAnswers(SshConnection connection, Guid offer, Func<string, Exception> failed, CancellationToken cancel)
{
    private readonly FrameReader reader = new(connection.Output);

    /// <summary>
    /// True once the far side has said itself that it failed and has undone all: in a whole frame, in answer to our offer. Nothing else
    /// says that its tree does not run.
    /// </summary>
    public bool FarSideGaveUp { get; private set; }

    /// <summary>Waits for the answer about a step, and gives its text.</summary>
    public string Read(FarStep step)
    {
        try
        {
            FrameType type = reader.Read();
            switch (type)
            {
                case FrameType.Answer:
                    return reader.Answer(step, offer);
                case FrameType.Failed:
                    string line = reader.Answer(FarStep.Undone, offer);
                    FarSideGaveUp = true;
                    throw failed(line);
                case FrameType.Refused:
                    throw Refused(reader.Message(TransferJson.Default.TransferRefusal));
                default:
                    throw reader.Unexpected();
            }
        }
        catch (FrameException e) when (e.Fault != FrameFault.Ended)
        {
            throw new RemoteException(
                RemoteFailure.ProtocolError, connection.Target.Host, $"{connection.Target.DisplayName} answers wrongly: {e.Message}.", e);
        }
        catch (Exception e) when (e is FrameException or IOException or ObjectDisposedException)
        {
            throw Lost();
        }
    }

    /// <summary>The connection is gone: cancelled by us, or broken; where the far side had time for a last word, that tells more.</summary>
    public Exception Lost()
    {
        if (cancel.IsCancellationRequested)
            return new OperationCanceledException(cancel);
        if (connection.Silence is { } silent)
            return silent;
        connection.WaitForEnd();
        return cancel.IsCancellationRequested
            ? new OperationCanceledException(cancel)
            : SshFailure.Cut(connection.Target, "before the migration was through, or procmigrate was killed there", connection.Errors());
    }

    private RemoteException Refused(TransferRefusal refusal) => new(
        refusal.Known, connection.Target.Host, $"{connection.Target.DisplayName}: {FarText.Clean(refusal.Message)}");
}
