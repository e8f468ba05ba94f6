using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Resource limits, set by the process itself: from outside, prlimit64 on a process of another user asks for
/// CAP_SYS_RESOURCE, which even root may lack.
/// </summary>
internal static class ProcessLimits
{
    public static void Add(CallTable calls, LimitRecord wanted, RestoreContext context)
    {
        ResourceLimit own = ResourceLimits.GetOwn(wanted.Resource);
        ulong hard = wanted.Hard;
        // Raising a hard limit takes CAP_SYS_RESOURCE. Our own hard limit is what the seed has inherited.
        if (hard > own.rlim_max && (Namespaces.UserNamespace.IsOwn || Host.BinaryRights.Given || !Host.Privileges.Has(Host.Capability.CAP_SYS_RESOURCE)))
        {
            hard = own.rlim_max;
            context.Warnings.Add(
                $"limit {wanted.Resource}: the hard limit {Show(wanted.Hard)} cannot be raised here without CAP_SYS_RESOURCE; it is {Show(hard)}");
        }
        var limit = new ResourceLimit { rlim_cur = Math.Min(wanted.Soft, hard), rlim_max = hard };
        calls.Add(SyscallNumber.prlimit64, $"limit {wanted.Resource}", 0, (ulong)wanted.Resource, calls.Data(limit).Value);
    }

    private static string Show(ulong value) =>
        value == ulong.MaxValue ? "unlimited" : value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
