using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct mount_attr of mount_setattr(2).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MountAttributes
{
    public ulong attr_set;
    public ulong attr_clr;
    public ulong propagation;
    public ulong userns_fd;
}

/// <summary>Mounts of this process's own mount namespace.</summary>
public static unsafe class Mounts
{
    private const int MS_BIND = 0x1000, MS_REC = 0x4000, MS_UNBINDABLE = 0x20000;
    private const int MNT_DETACH = 2, UMOUNT_NOFOLLOW = 8;
    private const int AT_FDCWD = -100, AT_RECURSIVE = 0x8000;
    private const ulong MOUNT_ATTR_NOSUID = 2;

    /// <summary>Shows a file or folder under a further name, which must exist.</summary>
    /// <param name="all">With what is mounted below.</param>
    public static void Bind(string source, string target, bool all) => Mount(source, target, MS_BIND | (all ? MS_REC : 0));

    /// <summary>What is bound from above a mount does not take it along.</summary>
    public static void MakeUnbindable(string mount) => Mount("none", mount, MS_UNBINDABLE);

    public static void TryDetach(string mount)
    {
        fixed (byte* p = CString.Of(mount))
            RawSyscall.Try(SyscallNumber.umount2, (nint)p, MNT_DETACH | UMOUNT_NOFOLLOW);
    }

    /// <summary>A mount becomes the root of this namespace, and the old root goes.</summary>
    public static void MakeRoot(string mount)
    {
        // With "." twice, the old root comes to lie over the new one, and is taken off there (pivot_root(2)).
        fixed (byte* path = CString.Of(mount))
        fixed (byte* here = CString.Of("."))
        {
            RawSyscall.Call(SyscallNumber.chdir, mount, (nint)path);
            RawSyscall.Call(SyscallNumber.pivot_root, mount, (nint)here, (nint)here);
            RawSyscall.Call(SyscallNumber.umount2, "the old root", (nint)here, MNT_DETACH);
        }
    }

    /// <summary>From here on no program in this namespace gains rights by its set-user-id bit or file capabilities.</summary>
    public static void ForbidGains()
    {
        var attributes = new MountAttributes { attr_set = MOUNT_ATTR_NOSUID };
        fixed (byte* root = CString.Of("/"))
            RawSyscall.Call(SyscallNumber.mount_setattr, "/", AT_FDCWD, (nint)root, AT_RECURSIVE, (nint)(&attributes), sizeof(MountAttributes));
    }

    private static void Mount(string source, string target, int flags)
    {
        fixed (byte* from = CString.Of(source))
        fixed (byte* to = CString.Of(target))
        fixed (byte* none = CString.Of("none"))
            RawSyscall.Call(SyscallNumber.mount, target, (nint)from, (nint)to, (nint)none, flags);
    }
}
