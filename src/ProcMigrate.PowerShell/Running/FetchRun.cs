using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.PowerShell.Running;

/// <summary>Gets an image from a host, in the words of the binary's own events.</summary>
internal sealed class FetchRun(Place place, string from, string to) : IRun
{
    private readonly CancellationTokenSource stop = new();

    public Answer Run(Action<Answer> onProgress, Action<string>? onLine = null)
    {
        try
        {
            var target = place.Login.ToTarget(place.HostName ?? "");
            var id = new ImageFetcher(target, progress => onProgress(ToAnswer(progress)), stop.Token).Fetch(from, to);
            return new() { Event = "result", Image = new AnswerImage(to, id, new FileInfo(to).Length, null, null) };
        }
        catch (RemoteException failure)
        {
            return Answer.Error(failure.Id, failure.ExitCode, failure.Message);
        }
        catch (ImageException failure)
        {
            return Answer.Error(failure.Error == ImageError.NotAnImage ? "NotAnImage" : $"Image{failure.Error}", ExitCodeOf(failure), failure.Message);
        }
        catch (OperationCanceledException)
        {
            return Answer.Error("Interrupted", 130, "interrupted; what was begun is undone");
        }
    }

    public void Interrupt() => stop.Cancel();

    public void Dispose() => stop.Dispose();

    private static Answer ToAnswer(TransferProgress progress) =>
        new() { Event = "progress", Phase = progress.Phase, Done = progress.Done, Total = progress.Total };

    /// <summary>As the binary's own.</summary>
    private static int ExitCodeOf(ImageException failure) => failure.Error switch
    {
        ImageError.CannotRead or ImageError.CannotWrite when failure.Errno is Errno.EPERM or Errno.EACCES => 6,
        ImageError.NotFound or ImageError.CannotRead or ImageError.Exists or ImageError.CannotWrite or ImageError.NoSpace => 1,
        _ => 4,
    };
}
