using System.Runtime.ExceptionServices;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds.Sockets.Names;

/// <summary>What a name means depends on the root and working folder of who uses it: here, of a thread that lives for one action.</summary>
internal static class ThreadFolders
{
    private const int CLONE_FS = 0x200;

    /// <summary>Does it on a thread with folders of its own, so that nobody else in this process is moved.</summary>
    /// <param name="root">What becomes the root folder, and the working folder with it; null for the root as it is.</param>
    public static void Run(string? root, string folder, Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                RawSyscall.Call(SyscallNumber.unshare, "folders of a thread", CLONE_FS);
                if (root is not null)
                    Change(SyscallNumber.chroot, root);
                Change(SyscallNumber.chdir, root is null ? folder : "/");
                action();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    private static unsafe void Change(SyscallNumber call, string path)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(call, path, (nint)p);
    }
}
