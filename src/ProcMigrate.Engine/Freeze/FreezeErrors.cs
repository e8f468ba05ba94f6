using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Freeze;

/// <summary>Why a process cannot be attached to, told apart from the kernel's single EPERM.</summary>
internal static class FreezeErrors
{
    public static EngineException NotPermitted(int pid, int tid)
    {
        ProcStatus? status = TryStatus(tid);
        int tracer = status?.Number("TracerPid") ?? 0;
        if (tracer != 0 && tracer != Environment.ProcessId)
        {
            string name = ProcStat.TryOf(tracer)?.Name ?? "?";
            return new EngineException(
                [
                    new Blocker(
                        "Traced", pid, null, $"thread {tid} is traced by process {tracer} ({name})",
                        "a thread can have one tracer only, and a debugger's state is not the program's",
                        $"let {name} detach or end, then save again"),
                ],
                $"Process {pid} is traced by process {tracer} ({name}) already.");
        }
        string owner = status?.Text("Uid").Split('\t')[0] ?? "?";
        return new EngineException(
            "PrivilegeMissing", FailureClass.PrivilegeMissing,
            $"Not permitted to attach to process {pid} (owner uid {owner}): that needs the capability CAP_SYS_PTRACE, or the same "
            + "user and kernel.yama.ptrace_scope 0. Run it with sudo, or give the binary cap_sys_ptrace.");
    }

    private static ProcStatus? TryStatus(int tid)
    {
        try
        {
            return ProcStatus.Of(tid);
        }
        catch (LinuxException)
        {
            // Gone, or hidden by hidepid: then there is nothing more to tell.
            return null;
        }
    }
}
