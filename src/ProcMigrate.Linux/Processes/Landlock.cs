using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>landlock(7): restrictions that a thread puts upon itself and its children.</summary>
public static class Landlock
{
    private const nint LANDLOCK_CREATE_RULESET_VERSION = 1;

    /// <summary>Whether this kernel has it, and has it turned on.</summary>
    public static bool IsEnabled { get; } = RawSyscall.Try(SyscallNumber.landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}
