using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Ends of processes in the making: of helpers, and of those that are to be zombies.</summary>
internal static class OwnedProcess
{
    public const int SIGKILL = 9;
    private const int SIGCHLD = 17;
    private const ulong __WALL = 0x40000000;
    private const int SignalBits = 0x7f;

    /// <summary>Ends a child or tracee of ours, whatever it is at; one that has ended already is as good.</summary>
    public static void Kill(int pid)
    {
        if (Signal(pid, SIGKILL))
            Tracer.WaitForEnd(pid, OwnedThread.EndPatience);
    }

    /// <returns>False where nothing is left of it.</returns>
    public static bool Signal(int pid, int signal)
    {
        try
        {
            using PidFd process = PidFd.Open(pid);
            process.Signal(signal);
            return true;
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            return false;
        }
    }

    /// <summary>Lets a process end with an exit code. It stays a zombie until its parent waits for it.</summary>
    public static void End(OwnedThread thread, int exitCode)
    {
        thread.Prepare(SyscallNumber.exit_group, (ulong)exitCode);
        RunToEnd(thread.Tid, 0);
    }

    /// <summary>Makes a zombie with the status of one.</summary>
    public static void BecomeZombie(OwnedThread thread, ZombieRecord record, RemoteAddress data)
    {
        int signal = record.Status & SignalBits;
        byte[] name = CString.Of(record.Name);
        ProcessMemory.WriteFast(thread.Tid, data, name);
        const ulong PR_SET_NAME = 15;
        thread.Call(SyscallNumber.prctl, $"the name of ended process {record.Pid}", PR_SET_NAME, data.Value);
        if (signal == 0)
        {
            End(thread, record.Status >> 8);
            return;
        }
        // No core of the seed: only the status counts.
        ProcessMemory.WriteFast(thread.Tid, data, new byte[16]);
        const ulong RLIMIT_CORE = 4;
        thread.Call(SyscallNumber.prlimit64, $"no core of process {record.Pid}", 0, RLIMIT_CORE, data.Value);
        Tracer.SetSignalMask(thread.Tid, 0);
        using PidFd process = PidFd.Open(thread.Tid);
        process.Signal(signal);
        RunToEnd(thread.Tid, signal);
    }

    /// <summary>The parent waits for a helper that has ended, so that nothing of it is left.</summary>
    public static void Reap(OwnedThread parent, int pid, RemoteAddress data)
    {
        parent.Call(SyscallNumber.wait4, $"helper {pid}", (ulong)pid, 0, __WALL);
        DiscardChildSignal(parent, data);
    }

    /// <summary>The SIGCHLD of a child that ended in the making is none of the program's.</summary>
    public static void DiscardChildSignal(OwnedThread parent, RemoteAddress data)
    {
        ProcessMemory.WriteFast(parent.Tid, data, BitConverter.GetBytes(1UL << (SIGCHLD - 1)));
        ProcessMemory.WriteFast(parent.Tid, data + 16, new byte[16]);
        long result = parent.Try(SyscallNumber.rt_sigtimedwait, data.Value, 0, data.Value + 16, sizeof(ulong));
        if (result != -Errno.EAGAIN)
            RawSyscall.Check(result, "rt_sigtimedwait", $"process {parent.Tid}");
    }

    private static void RunToEnd(int tid, int signal)
    {
        WaitStatus status;
        do
        {
            // ESRCH: SIGKILL takes it out of its stop by itself.
            long result = Tracer.TryRequest(PtraceRequest.PTRACE_CONT, tid, 0, signal);
            if (result != -Errno.ESRCH)
                RawSyscall.Check(result, "PTRACE_CONT", $"thread {tid}");
            status = Tracer.Wait(tid);
            signal = status.IsSignalDelivery ? status.StopSignal : 0;
        }
        while (!status.Ended);
    }
}
