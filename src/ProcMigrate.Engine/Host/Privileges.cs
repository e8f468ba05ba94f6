using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Host;

/// <summary>Capabilities the engine asks for (capabilities(7)).</summary>
internal enum Capability
{
    CAP_SETGID = 6,
    CAP_SETUID = 7,
    CAP_SYS_PTRACE = 19,
    CAP_SYS_ADMIN = 21,
    CAP_SYS_RESOURCE = 24,
    CAP_SYS_TIME = 25,
    CAP_CHECKPOINT_RESTORE = 40,
}

/// <summary>The rights of this process.</summary>
internal static class Privileges
{
    private static readonly ulong Effective = ProcStatus.Of(Environment.ProcessId).Hex("CapEff");

    public static uint EffectiveUser => (uint)RawSyscall.Call(SyscallNumber.geteuid, "this process");

    public static bool Has(Capability capability) => (Effective >> (int)capability & 1) != 0;
}
