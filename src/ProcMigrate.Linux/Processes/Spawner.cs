using System.Runtime.InteropServices;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.Processes;

/// <summary>
/// posix_spawn(3). Not fork and exec by hand: managed code must not run between the two, and no code of ours then does.
/// </summary>
public static unsafe partial class Spawner
{
    // The sizes of glibc's and musl's opaque structs differ; both are below this.
    private const int OpaqueSize = 1024;

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int newfd);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attr);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attr);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attr, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attr, ulong* mask);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attr, ulong* mask);

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, byte* actions, byte* attr, byte** argv, byte** envp);

    /// <summary>
    /// Starts a program with no arguments or environment, all signals blocked and at their default, and
    /// <paramref name="inherited"/> as its descriptor <paramref name="inheritedAs"/>.
    /// </summary>
    /// <returns>The pid.</returns>
    public static int Start(string path, Descriptor inherited, int inheritedAs)
    {
        const short POSIX_SPAWN_SETSIGDEF = 4, POSIX_SPAWN_SETSIGMASK = 8;
        byte* actions = stackalloc byte[OpaqueSize];
        byte* attr = stackalloc byte[OpaqueSize];
        // glibc's sigset_t is 128 bytes long.
        ulong* all = stackalloc ulong[16];
        new Span<ulong>(all, 16).Fill(ulong.MaxValue);
        Check(posix_spawn_file_actions_init(actions), path);
        Check(posix_spawnattr_init(attr), path);
        try
        {
            Check(posix_spawn_file_actions_adddup2(actions, inherited.Number, inheritedAs), path);
            Check(posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK), path);
            Check(posix_spawnattr_setsigmask(attr, all), path);
            Check(posix_spawnattr_setsigdefault(attr, all), path);
            byte** none = stackalloc byte*[2];
            none[1] = null;
            int pid;
            fixed (byte* p = CString.Of(path))
            {
                none[0] = p;
                byte* end = null;
                Check(posix_spawn(&pid, p, actions, attr, none, &end), path);
            }
            return pid;
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attr);
        }
    }

    private static void Check(int error, string path)
    {
        if (error != 0)
            throw new LinuxException("posix_spawn", path, error);
    }
}
