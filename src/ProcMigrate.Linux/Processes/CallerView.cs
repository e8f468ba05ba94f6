using System.Runtime.ExceptionServices;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>
/// The files as the command's caller sees them. A thread that has gone into the mounts of a tree, and every thread that it makes, sees the
/// tree's; whatever is executed must come from the caller's.
/// </summary>
public static class CallerView
{
    private static NamespaceFile? mounts;
    private static string folder = "/";

    /// <summary>To be called before any thread goes elsewhere.</summary>
    public static void Keep()
    {
        if (mounts is not null)
            return;
        folder = Environment.CurrentDirectory;
        mounts = NamespaceFile.OpenOwn("mnt");
    }

    /// <summary>Does something that starts a program.</summary>
    public static T Run<T>(Func<T> work)
    {
        if (mounts is not { } callers)
            return work();
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        // A thread of its own: this one may share its folders with others.
        var thread = new Thread(() =>
        {
            try
            {
                callers.EnterMounts();
                ChangeFolder(folder);
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { Name = "caller's view" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>chdir(2), of this thread alone where it has folders of its own.</summary>
    public static unsafe void ChangeFolder(string path)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.chdir, path, (nint)p);
    }
}
