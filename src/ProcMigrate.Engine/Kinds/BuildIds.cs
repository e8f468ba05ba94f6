using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// The build ids of the files of one save, each read once: libc alone is mapped five times by each of perhaps hundreds of processes.
/// </summary>
internal sealed class BuildIds
{
    private readonly Dictionary<string, string?> _known = [];

    public string? Of(string path, in FileStatus status)
    {
        string file = $"{status.RealDeviceMajor}:{status.RealDeviceMinor}:{status.Inode}";
        if (!_known.TryGetValue(file, out string? id))
            _known[file] = id = ElfBuildId.TryRead(path, status);
        return id;
    }
}
