using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// What a mount namespace shows otherwise than the command's own. A restore makes one with a /proc of its own and, if asked, with the
/// files of a bundle under their old names; everything else in it can be had from the host, or is lost with it.
/// </summary>
internal sealed class MountComparison
{
    private readonly VisibleMounts _tree;
    private readonly VisibleMounts _own;
    private readonly List<string> _private = [];
    private readonly List<string> _missing = [];

    private MountComparison(VisibleMounts tree, VisibleMounts own)
    {
        (_tree, _own) = (tree, own);
        HasBundledNames = tree.All.Any(IsBundled);
        foreach (MountPoint mount in tree.All)
        {
            if (Difference(mount) is { } difference)
                _private.Add(difference);
        }
        foreach (MountPoint mount in own.All)
        {
            if (IsMissing(mount))
                _missing.Add(mount.Path);
        }
        if (tree.All.Count == 0)
            _private.Add("its root folder is none of the roots of its mounts");
    }

    /// <summary>What would be another after a restore, or not there at all; one sentence for each.</summary>
    public IReadOnlyList<string> Private => _private;

    /// <summary>Mounts of ours that the other does not have.</summary>
    public IReadOnlyList<string> Missing => _missing;

    /// <summary>Whether a restore has shown the files of a bundle under their old names there.</summary>
    public bool HasBundledNames { get; }

    /// <summary>Of the namespace that a process lives in with that of this command.</summary>
    public static MountComparison Of(int pid) =>
        Between(MountPoint.ReadAll(pid.ToString(CultureInfo.InvariantCulture)), MountPoint.ReadAll());

    public static MountComparison Between(List<MountPoint> tree, List<MountPoint> own) => new(new VisibleMounts(tree), new VisibleMounts(own));

    private string? Difference(MountPoint mount)
    {
        if (IsProc(mount) || IsBundled(mount))
            return null;
        (MountPoint? own, string? root) = _own.At(mount.Path);
        if (own is null || own.Device != mount.Device || root != mount.Root)
            return $"{mount.Path} is a {mount.FileSystem} of its own there{(mount.Root == "/" ? "" : $", {mount.Root} of it")}";
        foreach (string option in (ReadOnlySpan<string>)["ro", "noexec", "nodev", "nosuid"])
        {
            // With bundled names, a restore makes all mounts nosuid, and will again.
            if (Has(mount, option) && !Has(own, option) && !(HasBundledNames && option == "nosuid"))
                return $"{mount.Path} is mounted {option} there";
        }
        return null;
    }

    private bool IsMissing(MountPoint own)
    {
        if (own.Path == "/proc" || own.Path.StartsWith("/proc/", StringComparison.Ordinal))
            return false;
        (MountPoint? there, string? root) = _tree.At(own.Path);
        return there is not null && there.Path != own.Path && !IsBundled(there) && (there.Device != own.Device || root != own.Root);
    }

    private static bool Has(MountPoint mount, string option) => mount.Options.Split(',').Contains(option);

    private static bool IsProc(MountPoint mount) => mount is { Path: "/proc", Root: "/", FileSystem: "proc" };

    /// <summary>
    /// A file or folder of a bundle lies beneath the folder of unpacked files under the very name that it is mounted on; beside that
    /// folder stands the table of names, and both are the caller's own.
    /// </summary>
    private bool IsBundled(MountPoint mount)
    {
        string name = mount.Path == "/" ? "" : mount.Path;
        if (!mount.Root.EndsWith(name, StringComparison.Ordinal) || mount.Root.Length == name.Length || mount.Root == "/")
            return false;
        string folder = mount.Root[..^name.Length];
        foreach (MountPoint own in _own.All)
        {
            if (own.Device == mount.Device && VisibleMounts.Below(folder, own.Root) is { } below
                && VisibleMounts.Join(own.Path, below) is var path && _own.At(path).Mount == own && IsFilesFolder(path))
                return true;
        }
        return false;
    }

    private static bool IsFilesFolder(string path)
    {
        long uid = RawSyscall.Call(SyscallNumber.geteuid, "this process");
        return FileStatus.TryOfPath(path, follow: false) is { Type: FileType.Directory } folder && folder.Uid == uid
            && FileStatus.TryOfPath(path + ".json", follow: false) is { Type: FileType.Regular } table && table.Uid == uid;
    }
}
