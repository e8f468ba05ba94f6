using ProcMigrate.Linux;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>A file system that is mounted and tells nothing of its files: the server of a FUSE file system has ended, an NFS server has forgotten them.</summary>
internal static class DeadFileSystem
{
    public static bool Is(LinuxException e) => e.Errno is Errno.ENOTCONN or Errno.ESTALE;

    public static Blocker Blocker(int pid, int? fd, string what, LinuxException e) => new Blocker(
        "DeadFileSystem", pid, fd, what, $"its file system gives no answer: {e.Message}",
        "let the program close or leave it (umount -l takes off what nobody serves any more)");
}
