using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Host;

/// <summary>Capabilities the engine asks for (capabilities(7)).</summary>
internal enum Capability
{
    CAP_CHOWN = 0,
    CAP_SETGID = 6,
    CAP_SETUID = 7,
    CAP_SETPCAP = 8,
    CAP_IPC_LOCK = 14,
    CAP_SYS_PTRACE = 19,
    CAP_SYS_ADMIN = 21,
    CAP_SYS_RESOURCE = 24,
    CAP_SYS_TIME = 25,
    CAP_MKNOD = 27,
    CAP_CHECKPOINT_RESTORE = 40,
}

/// <summary>The rights of this process.</summary>
internal static class Privileges
{
    private static readonly ulong Effective = ProcStatus.Of(Environment.ProcessId).Hex("CapEff");

    public static uint EffectiveUser => (uint)RawSyscall.Call(SyscallNumber.geteuid, "this process");

    public static bool Has(Capability capability) => (Effective >> (int)capability & 1) != 0;
}
