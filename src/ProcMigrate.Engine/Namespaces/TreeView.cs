using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// Where a restore has shown a tree the files of a bundle under their old names, names must be looked up in the tree's mounts. One thread
/// of the command goes there; the command itself, and whatever it executes (<see cref="CallerView"/>), stays in a copy of its caller's. So
/// nothing is loaded from there: the command has all of its code in memory before, and is told by the kernel what is mounted.
/// </summary>
internal static class TreeView
{
    /// <summary>Does the work of a save on this thread, which ends with it.</summary>
    public static T Do<T>(Func<T> work)
    {
        if (InsideNamespaces.Current is { ViewDescriptor: { } view })
            Enter(view);
        return work();
    }

    private static void Enter(int view)
    {
        string folder = PathCalls.Full(".");
        List<MountPoint> callers = MountPoint.ReadAll();
        CallerView.Keep();
        // Of this thread's folder in our own /proc: asked through it, the kernel tells of the mounts that the thread has then.
        using FolderBeneath thread = FolderBeneath.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{OwnThread()}"));
        using (NamespaceFile mounts = NamespaceFile.Taken(Descriptor.Duplicate(view), "the mounts of the tree"))
            mounts.EnterMounts();
        RequireVouched(MountPoint.ParseAll(ReadAll(thread)), callers);
        RequireProc();
        CallerView.ChangeFolder(folder);
    }

    private static long OwnThread() => RawSyscall.Call(Linux.X64.SyscallNumber.gettid, "this thread");

    private static void RequireVouched(List<MountPoint> here, List<MountPoint> callers)
    {
        MountComparison mounts = MountComparison.Between(here, callers);
        if (mounts.Private.Count > 0)
            throw Refuse(string.Join("; ", mounts.Private));
        (MountPoint? proc, string? root) = new VisibleMounts(here).At("/proc");
        if (proc is not { Path: "/proc", FileSystem: "proc" } || root != "/")
            throw Refuse("it has no /proc");
    }

    /// <summary>A /proc of our own pids, and of the kernel's making.</summary>
    private static void RequireProc()
    {
        using Descriptor proc = FileCalls.Open("/proc", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
        if (FileSystem.Of(proc).f_type != FileSystemStatus.PROC_SUPER_MAGIC
            || FileCalls.ReadLink("/proc/self") != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            throw Refuse("its /proc is of other processes");
    }

    private static EngineException Refuse(string what) => new(
        "NamespaceRefused", FailureClass.Refused, $"The mount namespace of the tree is not as its restore has made it: {what}. Unmount that, or end the tree.");

    private static string ReadAll(FolderBeneath folder)
    {
        using Descriptor file = folder.Open("mountinfo", OpenFlags.O_RDONLY);
        var bytes = new List<byte>();
        byte[] part = new byte[PageSize.Bytes];
        for (int count; (count = FileCalls.ReadAt(file, part, bytes.Count)) > 0;)
            bytes.AddRange(part.AsSpan(0, count));
        return CString.Decode([.. bytes]);
    }
}
