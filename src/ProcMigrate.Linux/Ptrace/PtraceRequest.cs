namespace ProcMigrate.Linux.Ptrace;

/// <summary>Requests of ptrace(2), from linux/ptrace.h.</summary>
public enum PtraceRequest
{
    PTRACE_CONT = 7,
    PTRACE_DETACH = 17,
    PTRACE_SYSCALL = 24,
    PTRACE_SETOPTIONS = 0x4200,
    PTRACE_GETEVENTMSG = 0x4201,
    PTRACE_GETSIGINFO = 0x4202,
    PTRACE_GETREGSET = 0x4204,
    PTRACE_SETREGSET = 0x4205,
    PTRACE_SEIZE = 0x4206,
    PTRACE_INTERRUPT = 0x4207,
    PTRACE_LISTEN = 0x4208,
    PTRACE_PEEKSIGINFO = 0x4209,
    PTRACE_GETSIGMASK = 0x420a,
    PTRACE_SETSIGMASK = 0x420b,
    PTRACE_SECCOMP_GET_FILTER = 0x420c,
    PTRACE_SECCOMP_GET_METADATA = 0x420d,
    PTRACE_GET_RSEQ_CONFIGURATION = 0x420f,
    PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG = 0x4210,
    PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211,
}

/// <summary>Options of PTRACE_SEIZE.</summary>
[Flags]
public enum PtraceOptions
{
    None = 0,
    TraceSysGood = 0x1,
    TraceFork = 0x2,
    TraceVfork = 0x4,
    TraceClone = 0x8,
    TraceExec = 0x10,

    /// <summary>The tracee dies with its tracer.</summary>
    ExitKill = 0x100000,
    SuspendSeccomp = 0x200000,
}

/// <summary>Register sets (elf.h).</summary>
public enum RegisterSet
{
    NT_PRSTATUS = 1,
    NT_PRFPREG = 2,
    NT_X86_XSTATE = 0x202,
}
