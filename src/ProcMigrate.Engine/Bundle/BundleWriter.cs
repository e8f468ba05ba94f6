using ProcMigrate.Engine.Memory;
using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>Copies the files of a bundle into the image, and makes sure that none changed since it was found.</summary>
internal sealed class BundleWriter(ImageWriter image, BundleCollector bundle, Action<EngineProgress>? progress, CancellationToken cancel)
{
    private long _done;

    /// <param name="written">Files that the tree can write to, or the others.</param>
    public void Write(bool written)
    {
        foreach (BundledContent content in bundle.Contents)
        {
            if (bundle.IsWritten(content) == written)
                Write(content);
        }
    }

    private void Write(BundledContent content)
    {
        try
        {
            using Descriptor file = FileCalls.Open(content.Path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK | OpenFlags.O_NOFOLLOW);
            RequireUnchanged(content, FileStatus.Of(file));
            _done += ObjectContent.Copy(image, content.ObjectId, file, cancel);
            RequireUnchanged(content, FileStatus.Of(file));
        }
        catch (LinuxException e)
        {
            throw Changed(content, e.Message);
        }
        progress?.Invoke(new EngineProgress("bundle", _done, bundle.Bytes));
    }

    private static void RequireUnchanged(BundledContent content, in FileStatus now)
    {
        FileStatus then = content.Status;
        if (!now.IsSameFile(then) || now.Size != then.Size
            || (now.ModifiedSeconds, now.ModifiedNanoseconds) != (then.ModifiedSeconds, then.ModifiedNanoseconds))
            throw Changed(content, $"it had {then.Size} bytes of {then.Modified:HH:mm:ss.fff}Z, and has {now.Size} of {now.Modified:HH:mm:ss.fff}Z now");
    }

    private static EngineException Changed(BundledContent content, string what) => new(
        "BundledFileChanged", FailureClass.Failed,
        $"{content.Path} changed while it was copied into the image ({what}): another program writes to it. "
        + "Try again, or leave it out with --exclude. The tree was not ended.");
}
