using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>
/// A FUSE file system is asked through its server, and one that stands still with the tree answers nobody: whoever asks (stat is enough)
/// waits for ever. So who serves and who uses such a file system is found by names and numbers alone, before any file is asked for.
/// </summary>
internal sealed class FuseServers
{
    private const string Device = "/dev/fuse", Connections = "/sys/fs/fuse/connections";
    private readonly List<MountPoint> _mounts;
    private readonly Dictionary<int, List<int>> _servers = [];

    private FuseServers(SaveContext context)
    {
        _mounts = MountPoint.ReadAll();
        // Nearly every tree is done here; on a desktop there are such file systems, and descriptors are looked at.
        if (!_mounts.Exists(IsFuse) && !(Directory.Exists(Connections) && Directory.EnumerateDirectories(Connections).Any()))
            return;
        foreach (TracedProcess process in context.Processes)
        {
            List<int> serving = [.. ProcFolders.Descriptors(process.Pid).Where(fd => FileCalls.ReadLink($"/proc/{process.Pid}/fd/{fd}") == Device)];
            if (serving.Count > 0)
                _servers.Add(process.Pid, serving);
        }
    }

    /// <summary>Whether a process must not be looked at further; then that is a blocker.</summary>
    public static bool Refuse(TracedProcess process, SaveContext context)
    {
        FuseServers servers = context.Shared(() => new FuseServers(context));
        if (servers._servers.Count == 0 || servers.UseOf(process.Pid) is not { } use)
            return false;
        context.Block(new Blocker(
            "Fuse", process.Pid, null, use,
            $"it lies on a FUSE file system, and a server of such is in the tree (process {servers._servers.Keys.First()}): stopped with the tree, it can tell nothing of its files",
            "end the use and unmount it; an AppImage runs without a mount when it is unpacked (--appimage-extract)"));
        foreach (int fd in servers._servers.GetValueOrDefault(process.Pid) ?? [])
            context.Block(UnsupportedDescriptor.Fuse(process.Pid, fd));
        return true;
    }

    /// <returns>A name of what the process uses of such a file system, or null.</returns>
    private string? UseOf(int pid)
    {
        foreach (string link in (string[])["exe", "cwd", "root"])
        {
            if (FileCalls.ReadLink($"/proc/{pid}/{link}") is var path && MayBeFuse(MountOf(path)))
                return path;
        }
        foreach (int fd in ProcFolders.Descriptors(pid))
        {
            string path = FileCalls.ReadLink($"/proc/{pid}/fd/{fd}");
            if (path.StartsWith('/') && int.TryParse(DescriptorInfo.Of(pid, fd).TryField("mnt_id"), out int mount) && MayBeFuse(mount, path))
                return path;
        }
        return MemoryMap.ReadMaps(pid).Find(map => map.Name.StartsWith('/') && IsFuse((ulong)map.DeviceMajor << 20 | map.DeviceMinor))?.Name;
    }

    private static bool IsFuse(MountPoint mount) =>
        mount.FileSystem is "fuse" or "fuseblk" or "virtiofs" || mount.FileSystem.StartsWith("fuse.", StringComparison.Ordinal);

    private bool IsFuse(ulong device) => _mounts.Exists(mount => mount.Device == device && IsFuse(mount));

    private static bool MayBeFuse(MountPoint? mount) => mount is not null && IsFuse(mount);

    /// <summary>A mount that is not in the list has been taken off (umount -l), and its type shows nowhere. What the kernel mounts for itself is no matter: no path.</summary>
    private bool MayBeFuse(int mount, string path) =>
        _mounts.Find(m => m.Id == mount) is { } known ? IsFuse(known) : !path.StartsWith("/memfd:", StringComparison.Ordinal);

    private MountPoint? MountOf(string path)
    {
        MountPoint? longest = null;
        foreach (MountPoint mount in _mounts)
        {
            bool above = mount.Path == "/" || path == mount.Path || path.StartsWith(mount.Path + "/", StringComparison.Ordinal);
            // Of two at one place the later one is seen.
            if (above && mount.Path.Length >= (longest?.Path.Length ?? 0))
                longest = mount;
        }
        return longest;
    }
}
