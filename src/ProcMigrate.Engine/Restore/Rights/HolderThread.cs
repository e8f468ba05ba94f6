using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore.Rights;

/// <summary>
/// A thread of this process with the file system ids, groups and capabilities of a process of the tree. To the kernel they are each
/// thread's own; libc's wrappers would change them for all threads, so the calls are raw. The file system ids, not the real ones: these
/// would let that user send us signals. What runs here must start no thread that lives on, which would have the same rights.
/// </summary>
internal sealed unsafe class HolderThread : IDisposable
{
    private const int PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4;
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    public HolderThread(HolderIds ids)
    {
        _thread = new Thread(() =>
        {
            foreach (Action work in _work.GetConsumingEnumerable())
                work();
        })
        { IsBackground = true };
        _thread.Start();
        try
        {
            Run(() => Take(ids));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public T Run<T>(Func<T> work)
    {
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        using var done = new ManualResetEventSlim();
        _work.Add(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            done.Set();
        });
        done.Wait();
        failure?.Throw();
        return result!;
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private static bool Take(HolderIds ids)
    {
        // A change of file system ids makes the whole process undumpable, as for a set-user-id program: its own files in /proc would be root's.
        long dumpable = RawSyscall.Call(SyscallNumber.prctl, "this process", PR_GET_DUMPABLE);
        SetGroups(ids);
        SetId(SyscallNumber.setfsgid, ids.Group);
        SetId(SyscallNumber.setfsuid, ids.User);
        CapabilityCall call = CapabilityCall.Of(ids.Capabilities, ids.Capabilities, 0);
        RawSyscall.Call(SyscallNumber.capset, "this thread", (nint)(&call), (nint)(&call) + CapabilityCall.DataOffset);
        if (dumpable == 1)
            RawSyscall.Call(SyscallNumber.prctl, "this process", PR_SET_DUMPABLE, 1);
        return true;
    }

    private static void SetGroups(HolderIds ids)
    {
        if (ids.Groups.AsSpan().SequenceEqual(ids.OwnGroups))
            return;
        fixed (uint* groups = ids.Groups)
        {
            long result = RawSyscall.Try(SyscallNumber.setgroups, ids.Groups.Length, (nint)groups);
            // An ordinary user's own namespace forbids it, and there are no groups but his to be had.
            if (result == -Errno.EPERM && UserNamespace.IsOwn)
                return;
            RawSyscall.Check(result, "setgroups", "this thread");
        }
    }

    /// <summary>These calls return what was before, and no error.</summary>
    private static void SetId(SyscallNumber call, uint id)
    {
        RawSyscall.Try(call, (nint)id);
        if ((uint)RawSyscall.Try(call, -1) != id)
            throw new LinuxException(call.ToString(), $"this thread, to {id}", Errno.EPERM);
    }
}
