using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// The namespaces that a restored tree gets of its own. Where there is one at all, there is a mount namespace too, whose /proc
/// shows the tree as the tree knows itself. The command runs itself again inside them (<see cref="NamespaceLauncher"/>), so the
/// rest of a restore need not know: pids, clocks, mounts and users are there what they are for the tree.
/// </summary>
internal sealed class RestoreNamespaces
{
    public const ulong CLONE_NEWTIME = 0x80;
    public const ulong CLONE_NEWNS = 0x0002_0000;
    public const ulong CLONE_NEWUTS = 0x0400_0000;
    public const ulong CLONE_NEWIPC = 0x0800_0000;
    public const ulong CLONE_NEWUSER = 0x1000_0000;
    public const ulong CLONE_NEWPID = 0x2000_0000;

    /// <summary>The tree has its own pids, whatever pids are taken outside.</summary>
    public bool Pid { get; set; }

    /// <summary>One id, the caller's, and all capabilities over the other namespaces: what an ordinary user makes them with.</summary>
    public bool User { get; set; }

    /// <summary>Mounts of the tree's own; those made outside later appear in it, not the other way round.</summary>
    public bool Mount { get; set; }
    public bool Ipc { get; set; }
    public bool Uts { get; set; }

    /// <summary>What /proc/PID/timens_offsets is to hold ("monotonic SECONDS NANOSECONDS\nboottime …"); null: no time namespace.</summary>
    public string? TimeOffsets { get; set; }

    public bool Any => Pid || Mount || Ipc || Uts || TimeOffsets is not null;

    /// <summary>What this restore needs; whoever makes use of a further namespace says so here.</summary>
    public static RestoreNamespaces For(RestoreOptions options, ImageReader image)
    {
        var needed = new RestoreNamespaces { Pid = options.PidNamespace, Mount = options.SameNames };
        needed.User = needed.Any && !Privileges.Has(Capability.CAP_SYS_ADMIN);
        needed.Ipc = needed.Pid && NeedsIpc(options, image, needed.User);
        return needed;
    }

    /// <summary>System V objects whose ids are taken here, or that this user cannot make with ids of its choosing.</summary>
    private static bool NeedsIpc(RestoreOptions options, ImageReader image, bool user)
    {
        using var probe = new RestoreContext(options, image);
        bool any = false;
        foreach (ObjectRecord record in probe.Tree.Objects)
        {
            if (record.Kind is not (SysvMemoryKind.KindName or SysvQueueKind.KindName))
                continue;
            any = true;
            DescriptorKinds.Of(record).Check(record, probe);
        }
        return any && (user || probe.Blockers.Count > 0);
    }

    /// <summary>As unshare(2) takes them.</summary>
    public ulong Flags =>
        CLONE_NEWNS | (Pid ? CLONE_NEWPID : 0) | (User ? CLONE_NEWUSER : 0) | (Ipc ? CLONE_NEWIPC : 0) | (Uts ? CLONE_NEWUTS : 0)
        | (TimeOffsets is null ? 0 : CLONE_NEWTIME);
}
