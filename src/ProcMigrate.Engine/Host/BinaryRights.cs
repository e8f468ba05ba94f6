using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Host;

/// <summary>
/// Capabilities that the binary's file has (setcap(8)), and its user has not. They are for the engine's own work: what it restores gets
/// none of them, and what it runs (ssh, nft) does not either.
/// </summary>
internal static unsafe class BinaryRights
{
    private const int PR_SET_DUMPABLE = 4;

    /// <summary>Whether there are any.</summary>
    public static bool Given { get; } = AuxiliaryValue.IsSecure;

    /// <summary>
    /// The kernel gives the files in /proc of such a process to root, and denies us our own memory. Nobody else comes to it by
    /// this: who traces a process needs all capabilities that it has (ptrace(2)).
    /// </summary>
    public static void OpenOwnFiles()
    {
        if (Given)
            RawSyscall.Call(SyscallNumber.prctl, "this process", PR_SET_DUMPABLE, 1);
    }

    /// <summary>What of a thread's capabilities an image may have: what its user could have given it without us.</summary>
    public static ulong ForImages(CredentialsRecord credentials) => Given ? 0 : credentials.Permitted;

    /// <summary>
    /// Until it is disposed, what this thread executes keeps CAP_CHECKPOINT_RESTORE: an exec takes the capabilities of an ordinary
    /// user away that are not ambient. The seed needs that one to choose pids.
    /// </summary>
    /// <returns>Null where there is nothing to lend.</returns>
    public static IDisposable? LendToChild() =>
        Given && Privileges.Has(Capability.CAP_CHECKPOINT_RESTORE) ? new Loan((int)Capability.CAP_CHECKPOINT_RESTORE) : null;

    private sealed class Loan : IDisposable
    {
        private const int PR_CAP_AMBIENT = 47, PR_CAP_AMBIENT_RAISE = 2, PR_CAP_AMBIENT_LOWER = 3;
        private readonly int _capability;
        private readonly CapabilityCall _before;

        public Loan(int capability)
        {
            _capability = capability;
            _before = Get();
            CapabilityCall with = _before;
            if (capability < 32)
                with.inheritable0 |= 1u << capability;
            else
                with.inheritable1 |= 1u << capability - 32;
            Set(with);
            RawSyscall.Call(SyscallNumber.prctl, "an ambient capability", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
        }

        public void Dispose()
        {
            RawSyscall.Call(SyscallNumber.prctl, "an ambient capability", PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, _capability);
            Set(_before);
        }

        private static CapabilityCall Get()
        {
            var call = new CapabilityCall { version = CapabilityCall.Version3 };
            RawSyscall.Call(SyscallNumber.capget, "this thread", (nint)(&call), (nint)(&call) + CapabilityCall.DataOffset);
            return call;
        }

        private static void Set(CapabilityCall call) =>
            RawSyscall.Call(SyscallNumber.capset, "this thread", (nint)(&call), (nint)(&call) + CapabilityCall.DataOffset);
    }
}
