using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>Gathers the files that go into a bundle: each once, with the folders above it and the symbolic links that lead to it.</summary>
internal sealed class BundleCollector(SaveOptions options, SaveContext context)
{
    private const int MaxLinks = 40;
    private readonly List<string> _excluded = FullPaths(options.Exclude);
    private readonly Dictionary<string, int> _byPath = [];
    private readonly Dictionary<string, int> _byInode = [];
    private readonly HashSet<int> _written = [];

    /// <summary>What has content, in the order found.</summary>
    public List<BundledContent> Contents { get; } = [];

    /// <summary>Bytes that the contents take on the disk.</summary>
    public long Bytes { get; private set; }

    public BundleContents Summary()
    {
        var files = new List<BundledFile>();
        foreach (BundledContent content in Contents)
            files.Add(new BundledFile(content.Path, content.Status.Size));
        return new BundleContents(files, Bytes);
    }

    /// <summary>Whether the tree can write to a file of the bundle: then it must be read while the tree stands still.</summary>
    public bool IsWritten(BundledContent content) => _written.Contains(content.ObjectId);

    /// <summary>A file that the tree uses.</summary>
    /// <returns>Its object; 0 where it is not carried: excluded, or nothing that lies on a disk.</returns>
    public int Add(string path, in FileStatus status, bool written)
    {
        if (!IsCarried(path, status.Type) || IsExcluded(path))
            return 0;
        if (!_byPath.TryGetValue(path, out int id))
            id = AddNew(path, status);
        if (written && id != 0)
            _written.Add(id);
        return id;
    }

    /// <summary>What the user wants besides, and names by which programs were called.</summary>
    public void AddNamed(IEnumerable<(int Pid, string Name)> programs)
    {
        foreach (string path in options.Include)
        {
            string full = PathCalls.Full(path);
            if (FileStatus.TryOfPath(full, follow: false) is null)
                Refuse(full, "--include names it, and there is no such file, or it cannot be reached");
            else if (IsPseudo(full))
                Refuse(full, "--include names it, and files of the kernel's own (/proc, /sys, /dev) are the same on no other host");
            else if (Resolve(full, MaxLinks) is { } real)
                AddAll(real);
        }
        foreach ((int pid, string program) in programs)
        {
            if (program.StartsWith('/') && FileStatus.TryOfPath(program) is { Type: FileType.Regular } file && ProgramNames.IsForTheProcess(pid, program, file))
                AddThroughLinks(program, file);
        }
    }

    /// <summary>Better told before the tree's memory is written than when the disk is full.</summary>
    public void CheckSpace(string imagePath)
    {
        string folder = Path.GetDirectoryName(imagePath) ?? "/";
        long free = new DriveInfo(folder).AvailableFreeSpace;
        if (Bytes > free)
        {
            context.Block(new Blocker(
                "BundleTooLarge", null, null, $"{Contents.Count} files of {Bytes:N0} bytes", $"only {free:N0} bytes are free in {folder}",
                "leave out with --exclude what the other host has, or write the image elsewhere (-o)"));
        }
    }

    private static List<string> FullPaths(IReadOnlyList<string> paths)
    {
        var full = new List<string>();
        foreach (string path in paths)
            full.Add(PathCalls.Full(path).TrimEnd('/'));
        return full;
    }

    public static bool IsPseudo(string path) =>
        IsBeneath(path, "/proc") || IsBeneath(path, "/sys") || (IsBeneath(path, "/dev") && !IsBeneath(path, "/dev/shm"));

    public static bool IsBeneath(string path, string folder) =>
        path.StartsWith(folder, StringComparison.Ordinal) && (path.Length == folder.Length || path[folder.Length] == '/');

    private static bool IsCarried(string path, FileType type) =>
        type is FileType.Regular or FileType.Directory or FileType.SymbolicLink or FileType.Fifo
        && path.Length > 1 && path[0] == '/' && !IsPseudo(path);

    private bool IsExcluded(string path)
    {
        foreach (string excluded in _excluded)
        {
            if (IsBeneath(path, excluded))
                return true;
        }
        return false;
    }

    private int AddNew(string path, in FileStatus status)
    {
        AddFolderOf(path);
        int linkOf = 0;
        string inode = $"{status.DeviceMajor}:{status.DeviceMinor}:{status.Inode}";
        bool linked = status.Type == FileType.Regular && status.Links > 1;
        if (linked)
            _byInode.TryGetValue(inode, out linkOf);
        List<string> attributes = [];
        if (status.Type is FileType.Regular or FileType.Directory && linkOf == 0)
        {
            try
            {
                using Descriptor file = FileCalls.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK | OpenFlags.O_NOFOLLOW);
                attributes = AttributesOf(file);
            }
            catch (LinuxException e)
            {
                // A folder that may be passed through but not read is enough.
                if (status.Type == FileType.Regular)
                {
                    Refuse(path, e.Message);
                    return 0;
                }
            }
        }
        string? target = status.Type == FileType.SymbolicLink ? FileCalls.ReadLink(path) : null;
        int id = context.Objects.Add(
            BundledFileState.KindName, path, BundledFileState.Of(path, status, linkOf, target, attributes).ToJson());
        _byPath.Add(path, id);
        if (linked && linkOf == 0)
            _byInode.Add(inode, id);
        if (status.Type == FileType.Regular && linkOf == 0)
        {
            Contents.Add(new BundledContent(id, path, status));
            Bytes += Math.Min(status.Size, status.AllocatedBytes);
        }
        return id;
    }

    private void AddFolderOf(string path)
    {
        int slash = path.LastIndexOf('/');
        if (slash <= 0)
            return;
        string folder = path[..slash];
        if (!_byPath.ContainsKey(folder))
            AddNew(folder, FileStatus.OfPath(folder, follow: false));
    }

    private static List<string> AttributesOf(Descriptor file)
    {
        List<string> attributes = [];
        foreach (string name in ExtendedAttributes.Names(file))
        {
            if (BundleRules.IsOwnersAttribute(name) && ExtendedAttributes.Get(file, name) is { } value)
                attributes.AddRange([name, Convert.ToBase64String(value)]);
        }
        return attributes;
    }

    /// <summary>A file or link, a folder with all that is in it.</summary>
    private void AddAll(string path)
    {
        if (IsExcluded(path) || IsPseudo(path))
            return;
        if (FileStatus.TryOfPath(path, follow: false) is not { } status)
        {
            Refuse(path, "it was there a moment ago and is not");
            return;
        }
        if (!IsCarried(path, status.Type) && path != "/")
        {
            context.WarnOnce($"{path} is a socket or device and is not bundled");
            return;
        }
        Add(path, status, written: false);
        if (status.Type == FileType.SymbolicLink)
        {
            // A link into a folder that nobody named would drag in who knows what; of such a link, only the link is carried.
            if (FileStatus.TryOfPath(path) is { Type: FileType.Regular } file)
                AddThroughLinks(path, file);
            return;
        }
        if (status.Type != FileType.Directory)
            return;
        List<string> entries = EntriesOf(path);
        entries.Sort(StringComparer.Ordinal);
        foreach (string entry in entries)
            AddAll(entry);
    }

    private List<string> EntriesOf(string folder)
    {
        try
        {
            return PathCalls.Entries(folder);
        }
        catch (LinuxException e)
        {
            Refuse(folder, e.Message);
            return [];
        }
    }

    /// <param name="file">Only if it still is this one.</param>
    private void AddThroughLinks(string path, FileStatus file)
    {
        if (Resolve(path, MaxLinks) is { } real && FileStatus.TryOfPath(real, follow: false) is { } status && status.IsSameFile(file))
            Add(real, status, written: false);
    }

    /// <summary>The path without symbolic links; each that was passed is taken along.</summary>
    private string? Resolve(string path, int linksLeft)
    {
        for (int end = path.IndexOf('/', 1); ; end = path.IndexOf('/', end + 1))
        {
            string part = end < 0 ? path : path[..end];
            if (FileStatus.TryOfPath(part, follow: false) is not { } status)
                return null;
            if (status.Type == FileType.SymbolicLink)
            {
                Add(part, status, written: false);
                string target = Path.Combine(Path.GetDirectoryName(part) ?? "/", FileCalls.ReadLink(part));
                return linksLeft == 0 ? null : Resolve(Path.GetFullPath(end < 0 ? target : target + path[end..]), linksLeft - 1);
            }
            if (end < 0)
                return path;
        }
    }

    private void Refuse(string path, string why) => context.Block(new Blocker(
        "Unbundleable", null, null, path, why, "leave it out with --exclude if the other host has it, or save as root"));
}

/// <summary>A file whose content goes into the image, as it was when it was found.</summary>
internal sealed class BundledContent(int objectId, string path, FileStatus status)
{
    public int ObjectId => objectId;
    public string Path => path;
    public FileStatus Status => status;
}
