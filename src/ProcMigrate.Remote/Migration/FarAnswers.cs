using ProcMigrate.Remote.Ssh;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>Reads what the far side of a check or migration answers; every failure becomes an exception in words.</summary>
internal sealed class FarAnswers(SshConnection connection, Func<string, Exception> failed, CancellationToken cancel)
{
    private readonly FrameReader reader = new(connection.Output);

    /// <summary>True once the far side has said itself that it failed and has undone all, or that it refuses.</summary>
    public bool FarSideGaveUp { get; private set; }

    public string Read()
    {
        FrameType type;
        try
        {
            type = reader.Read();
        }
        catch (FrameException e) when (e.Fault == FrameFault.Ended)
        {
            throw Lost();
        }
        catch (FrameException e)
        {
            throw Wrong(e);
        }
        catch (IOException)
        {
            throw Lost();
        }
        switch (type)
        {
            case FrameType.Answer:
                return reader.Text();
            case FrameType.Failed:
                FarSideGaveUp = true;
                throw failed(reader.Text());
            case FrameType.Refused:
                FarSideGaveUp = true;
                TransferRefusal refusal = reader.Message(TransferJson.Default.TransferRefusal);
                throw new RemoteException(
                    Enum.TryParse(refusal.Reason, out RemoteFailure known) ? known : RemoteFailure.FarSideFailed, connection.Target.Host,
                    $"{connection.Target.DisplayName}: {FarText.Clean(refusal.Message)}");
            default:
                throw Wrong(reader.Unexpected());
        }
    }

    /// <summary>The connection is gone: cancelled by us, or broken; where the far side had time for a last word, that tells more.</summary>
    public Exception Lost()
    {
        if (cancel.IsCancellationRequested)
            return new OperationCanceledException(cancel);
        connection.WaitForEnd();
        return cancel.IsCancellationRequested
            ? new OperationCanceledException(cancel)
            : SshFailure.Cut(connection.Target, "before the migration was through, or procmigrate was killed there", connection.Errors());
    }

    private RemoteException Wrong(FrameException e) => new(
        RemoteFailure.ProtocolError, connection.Target.Host, $"{connection.Target.DisplayName} answers wrongly: {e.Message}.", e);
}
