using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using ProcMigrate.Image;
using ProcMigrate.Linux.Files;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote;

/// <summary>Images and hosts: the front door. Calls are synchronous and throw <see cref="RemoteException"/> where a host fails.</summary>
public static class RemoteImages
{
    /// <summary>Longer than ssh itself takes to notice a dead connection.</summary>
    internal const int DefaultSilenceSeconds = 120;

    /// <summary>Sends an image file to a host.</summary>
    /// <param name="to">
    /// Folder or file there; null: <c>$XDG_STATE_HOME/procmigrate/images/</c> of the far user. Nothing is ever overwritten.
    /// </param>
    /// <exception cref="ImageException">The image cannot be read here.</exception>
    public static SendResult Send(
        string imagePath, SshTarget target, string? to, Action<TransferProgress>? progress, CancellationToken cancel,
        Compression compression = Compression.Auto) =>
        SendWithin(DefaultSilenceSeconds, imagePath, target, to, progress, cancel, compression);

    internal static SendResult SendWithin(
        int silenceSeconds, string imagePath, SshTarget target, string? to, Action<TransferProgress>? progress, CancellationToken cancel,
        Compression compression = Compression.Auto)
    {
        var watch = Stopwatch.StartNew();
        using var image = ImageReader.Open(imagePath);
        var offer = new ImageOffer(
            ImageOffer.CurrentVersion, Path.GetFileName(image.Path), image.Length, image.Tree.Id, silenceSeconds, to);
        var host = new FarHost(target, progress);
        using var connection = host.StartReceive(cancel);
        var connected = watch.Elapsed;
        var sender = new ImageSender(connection, compression, cancel);
        var stored = sender.Send(image, offer, progress);
        var timings = new TransferTimings(
            (connected - host.DeployTime).TotalMilliseconds, host.DeployTime.TotalMilliseconds, sender.TransferTime.TotalMilliseconds,
            (watch.Elapsed - connected - sender.TransferTime).TotalMilliseconds, watch.Elapsed.TotalMilliseconds);
        return new SendResult(target.Host, stored.Path, stored.ImageId, stored.Length, stored.AlreadyThere, timings) { SentBytes = sender.SentBytes, ResumedAt = sender.ResumedAt };
    }

    /// <summary>Runs a verb of procmigrate on a host.</summary>
    /// <param name="verbArguments">The verb and its arguments; <c>--json</c> is added. Standard input is not theirs.</param>
    /// <param name="onLine">Gets each line of its output as it comes: progress, and last the result or error.</param>
    public static RemoteOutcome Run(
        SshTarget target, IReadOnlyList<string> verbArguments, Action<string>? onLine, CancellationToken cancel) =>
        new RemoteVerb(target, onLine, cancel).Run(verbArguments);

    /// <summary>The far side of <see cref="Send"/>: what the verb <c>receive</c> does, with standard input and output as its streams.</summary>
    /// <param name="to">Folder or file where the sender names none; null: the default folder.</param>
    /// <param name="verify">Verifies a complete image file by path and gives its id; throws where it is damaged.</param>
    /// <exception cref="RemoteException">The transfer failed; the sender, where it still listens, was told the same.</exception>
    /// <param name="engine">Does what checks and migrations ask for.</param>
    /// <returns>Null where it was no image to be kept.</returns>
    public static ReceiveResult? Receive(
        Stream input, Stream output, string? to, Func<string, Guid> verify, IFarEngine engine, CancellationToken cancel)
    {
        using var standardInput = new SafeFileHandle(0, ownsHandle: false);
        Pipes.Widen(standardInput);
        return new ImageReceiver(input, output, to, verify, engine, standardInput, cancel).Receive();
    }
}
