using System.Globalization;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// RLIMIT_NOFILE of the restore itself: of our own table, in which files are made, and of the tables of the tree until each process gets
/// its own limit at the end.
/// </summary>
internal static class OpenFileLimit
{
    // What we need besides files of the tree: streams, the image, channels, a pidfd or two, what kinds open for a moment.
    private const int Reserve = 64;

    /// <summary>More open files of the tree than this are not kept in our own table where that can be helped.</summary>
    public static int MostKept => (int)Math.Clamp(ResourceLimits.GetOwn(ResourceLimits.RLIMIT_NOFILE).rlim_cur / 4, 16, 4096);

    /// <summary>As high as we may, and as is needed. The seed, and so every process in the making, inherits it.</summary>
    public static void Raise(TreeRecord tree)
    {
        ResourceLimit limit = ResourceLimits.GetOwn(ResourceLimits.RLIMIT_NOFILE);
        ulong wanted = Math.Min((ulong)Needed(tree.Processes, tree.Objects).Count, Most());
        if (limit.rlim_max < wanted && TrySet(new ResourceLimit { rlim_cur = wanted, rlim_max = wanted }))
            return;
        if (limit.rlim_cur < limit.rlim_max)
            ResourceLimits.SetOwn(ResourceLimits.RLIMIT_NOFILE, limit with { rlim_cur = limit.rlim_max });
    }

    /// <returns>Why the tree cannot be restored with the limit that this process has; null where it can.</returns>
    public static string? Exceeded(IReadOnlyList<ProcessRecord> processes, IReadOnlyList<ObjectRecord> objects)
    {
        ulong here = ResourceLimits.GetOwn(ResourceLimits.RLIMIT_NOFILE).rlim_max;
        (long count, string what) = Needed(processes, objects);
        if ((ulong)count <= here || (ulong)count <= Most() && Host.Privileges.Has(Host.Capability.CAP_SYS_RESOURCE))
            return null;
        return string.Create(CultureInfo.InvariantCulture, $"{what}, for which a limit of {count} is needed, and the hard limit of open files (ulimit -Hn) is {here} here");
    }

    private static (long Count, string What) Needed(IReadOnlyList<ProcessRecord> processes, IReadOnlyList<ObjectRecord> objects)
    {
        (long count, string what) = (RestorerCode.ChannelFd + Reserve, "the restore itself opens some files");
        // Files that stay in our table until the end: of those that can be taken back, a message full is there at a time.
        long kept = objects.Count(o => DescriptorKinds.IsOpenFile(o.Kind) && DescriptorKinds.Named(o.Kind)?.LeavesOurTable != true);
        long passing = Math.Min(DescriptorChannel.MaxPerMessage, processes.Select(p => p.Descriptors.Count).DefaultIfEmpty(0).Max());
        if (kept + passing + Reserve > count)
            (count, what) = (kept + passing + Reserve, $"the tree has {kept} sockets and the like, and more files");
        foreach (ProcessRecord process in processes)
        {
            // And one number for the channel, wherever it is.
            long highest = process.Descriptors.Count == 0 ? 0 : process.Descriptors.Max(d => d.Fd);
            long needed = Math.Max(highest + 1, process.Descriptors.Count + 2);
            if (needed > count)
                (count, what) = (needed, $"process {process.Pid} has the descriptor {highest}");
        }
        return (count, what);
    }

    /// <summary>No limit of open files can be above this one.</summary>
    private static ulong Most() => ulong.Parse(FileCalls.ReadText("/proc/sys/fs/nr_open"), CultureInfo.InvariantCulture);

    private static bool TrySet(ResourceLimit limit)
    {
        try
        {
            ResourceLimits.SetOwn(ResourceLimits.RLIMIT_NOFILE, limit);
            return true;
        }
        catch (LinuxException e) when (e.Errno == Errno.EPERM)
        {
            return false;
        }
    }
}
