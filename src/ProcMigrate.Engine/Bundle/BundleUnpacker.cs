using ProcMigrate.Engine.Restore.Rights;
using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>
/// Makes the files of a bundle anew in an empty folder, each under the name that it had, and nothing outside of it: see
/// <see cref="FolderBeneath"/>. Set-user-id and set-group-id bits are never brought back.
/// </summary>
internal sealed class BundleUnpacker(BundleTable table, ImageReader image, FolderBeneath folder, FileRights rights, List<string> warnings)
{
    private readonly List<int> _made = [];

    // The name of what has the content of an object: hard links refer to it.
    private readonly Dictionary<int, string> _holders = [];
    private readonly byte[] _buffer = new byte[ImageLimits.ExtentBytes];
    private bool _attributesLost;

    /// <param name="isWanted">Whether a file is to be made; folders always are, unless the whole is not wanted.</param>
    public void Unpack(Func<int, BundledFileState, bool> isWanted, Action<EngineProgress>? progress, CancellationToken cancel)
    {
        var wanted = new List<int>();
        long bytes = 0, done = 0;
        foreach (int id in table.Ids)
        {
            if (!isWanted(id, table.Find(id)!))
                continue;
            wanted.Add(id);
            foreach (MemoryExtent extent in image.DataOf(id))
                bytes += extent.RawLength;
        }
        CheckPlace(bytes);
        foreach (int id in wanted)
        {
            cancel.ThrowIfCancellationRequested();
            BundledFileState file = table.Find(id)!;
            Make(id, file, file.Path[1..]);
            foreach (MemoryExtent extent in image.DataOf(id))
                done += extent.RawLength;
            progress?.Invoke(new EngineProgress("files", done, bytes));
        }
        // Last, the innermost first: making what is in a folder changes its time, and needs the right to.
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            BundledFileState made = table.Find(_made[i])!;
            if (made.Type == FileType.Directory)
                Finish(made, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        }
        Warn();
    }

    /// <summary>Removes what was made, whatever has been put beside it by others staying.</summary>
    public void Remove()
    {
        foreach (int id in _made)
        {
            if (table.Find(id)! is { Type: FileType.Directory } made)
            {
                using Descriptor open = folder.Open(made.Path[1..], OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
                FileCalls.SetMode(open, 0x1c0 /* 0700 */);
            }
        }
        for (int i = _made.Count - 1; i >= 0; i--)
        {
            BundledFileState made = table.Find(_made[i])!;
            folder.TryRemove(made.Path[1..], made.Type == FileType.Directory);
        }
    }

    private void CheckPlace(long bytes)
    {
        FileSystemStatus status = FileSystem.Of(folder.Folder);
        long free = (long)Math.Min((ulong)long.MaxValue, status.f_bavail * (ulong)status.f_bsize);
        if (bytes > free)
        {
            throw new EngineException(
                "NoSpaceForFiles", FailureClass.Failed,
                $"The files of the image take {bytes:N0} bytes, and {free:N0} are free in {folder.Path}. Free some, or name another folder with --files.");
        }
        if (status.ForbidsExecution)
        {
            throw new EngineException(
                "FilesFolderNoExec", FailureClass.Refused,
                $"The file system of {folder.Path} is mounted noexec: programs and libraries cannot run from there. Name another folder with --files.");
        }
    }

    private void Make(int id, BundledFileState file, string name)
    {
        try
        {
            switch (file.Type)
            {
                case FileType.Directory:
                    folder.MakeFolder(name);
                    _made.Add(id);
                    return;
                case FileType.SymbolicLink:
                    folder.MakeSymbolicLink(name, file.Target!);
                    _made.Add(id);
                    using (Descriptor link = folder.Open(name, OpenFlags.O_PATH))
                        rights.Give(link, file.Path, file.Uid, file.Gid, file.Mode, setIds: false);
                    return;
                case FileType.Fifo:
                    folder.MakeFifo(name);
                    _made.Add(id);
                    Finish(file, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
                    return;
                default:
                    MakeRegular(id, file, name);
                    return;
            }
        }
        catch (LinuxException e)
        {
            throw new EngineException(
                "UnpackFailed", FailureClass.Failed,
                $"The files of the image could not be unpacked, and what had been made was removed: {e.Message}.", e);
        }
    }

    private void MakeRegular(int id, BundledFileState file, string name)
    {
        int content = file.LinkOf == 0 ? id : file.LinkOf;
        if (_holders.TryGetValue(content, out string? holder))
        {
            folder.Link(holder, name);
            _made.Add(id);
            return;
        }
        using Descriptor made = folder.Open(name, OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_RDWR, 0x180 /* 0600 */);
        _made.Add(id);
        _holders.Add(content, name);
        FileCalls.SetLength(made, file.Size);
        foreach (MemoryExtent extent in image.DataOf(content))
        {
            Span<byte> bytes = _buffer.AsSpan(0, (int)extent.RawLength);
            image.Read(extent, bytes);
            FileCalls.WriteAt(made, bytes, (long)extent.Address, name);
        }
        Finish(made, file);
    }

    private void Finish(BundledFileState file, OpenFlags flags)
    {
        using Descriptor open = folder.Open(file.Path[1..], flags);
        Finish(open, file);
    }

    private void Finish(Descriptor open, BundledFileState file)
    {
        rights.Give(open, file.Path, file.Uid, file.Gid, file.Mode, setIds: false);
        int mode = FileStatus.Of(open).Mode;
        for (int i = 0; i + 1 < file.Attributes.Count; i += 2)
            _attributesLost |= !ExtendedAttributes.TrySet(open, file.Attributes[i], Convert.FromBase64String(file.Attributes[i + 1]));
        // An ACL writes the group's bits.
        if (file.Attributes.Count > 0)
            FileCalls.SetMode(open, mode);
        FolderCalls.SetTimes(open, file.AccessedSeconds, file.AccessedNanoseconds, file.ModifiedSeconds, file.ModifiedNanoseconds);
    }

    private void Warn()
    {
        if (_attributesLost)
            warnings.Add($"the file system of {folder.Path} does not take all extended attributes of the files");
    }
}
