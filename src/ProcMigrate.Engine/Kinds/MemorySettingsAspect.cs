using System.Text.Json;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Settings of an address space beyond its mappings: whether new ones are locked (mlockall MCL_FUTURE) or merged (KSM), and
/// which protection keys are allocated. The kernel shows the first and the last only by what it does.
/// </summary>
internal sealed class MemorySettingsAspect : ProcessAspect
{
    private const ulong PR_SET_MEMORY_MERGE = 67;
    private const ulong PR_GET_MEMORY_MERGE = 68;
    private const int MCL_FUTURE = 2;
    private const int MCL_ONFAULT = 4;
    private const int HighestKey = 15;
    private const int PkruState = 9;

    public override string Name => "memory-settings";

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        var state = new MemorySettings
        {
            LockFlags = LockFlags(process, calls),
            Merge = calls.MayCall(SyscallNumber.prctl, PR_GET_MEMORY_MERGE) && calls.Try(SyscallNumber.prctl, PR_GET_MEMORY_MERGE) == 1,
            ProtectionKeys = [.. ProtectionKeys(calls)],
        };
        return state is { LockFlags: 0, Merge: false, ProtectionKeys.Count: 0 }
            ? null
            : JsonSerializer.SerializeToElement(state, StateJson.Default.MemorySettings);
    }

    public override void Check(JsonElement state, ProcessRecord process, RestoreContext context)
    {
        if (Parse(state).Merge && !KernelCalls.CanMergeMemory())
            context.Block(KernelCalls.Missing(context, process.Pid, "merging of equal pages (PR_SET_MEMORY_MERGE: Linux 6.4, CONFIG_KSM)"));
        if (Parse(state).ProtectionKeys.Count > 0 && !HasKeys.Value)
        {
            context.Block(new Blocker(
                "ProtectionKeys", process.Pid, null, "memory protection keys", "this processor has none", "restore on a processor with the feature pku"));
        }
    }

    public override void RestoreAfterDescriptors(JsonElement state, ProcessInMaking process)
    {
        IReadOnlyList<int> keys = Parse(state).ProtectionKeys;
        if (keys.Count == 0)
            return;
        // The kernel gives the lowest free key: all up to the highest are taken, and those between given back.
        for (int key = 1; key <= keys.Max(); key++)
            process.Calls.Add(SyscallNumber.pkey_alloc, $"protection key {key}", 0, 0, expected: key);
        for (int key = 1; key < keys.Max(); key++)
        {
            if (!keys.Contains(key))
                process.Calls.Add(SyscallNumber.pkey_free, $"protection key {key}", (ulong)key);
        }
        foreach (MappingRecord m in process.Record.Mappings.Where(m => m.ProtectionKey != 0))
        {
            process.Calls.Add(
                SyscallNumber.pkey_mprotect, $"the protection key of {m.Start:x}", m.Start, m.End - m.Start, (ulong)m.Protection, (ulong)m.ProtectionKey);
        }
        process.Calls.Run();
    }

    public override void RestoreBeforeCredentials(JsonElement state, ProcessInMaking process)
    {
        MemorySettings wanted = Parse(state);
        if (wanted.Merge)
            process.Calls.Add(SyscallNumber.prctl, "merging of equal pages", PR_SET_MEMORY_MERGE, 1);
        if (wanted.LockFlags != 0)
            process.Calls.Add(SyscallNumber.mlockall, "locking of memory to come", (ulong)wanted.LockFlags);
        process.Calls.Run();
    }

    private static readonly Lazy<bool> HasKeys = new(() => (ExtendedControl.Xcr0 >> PkruState & 1) != 0);

    /// <summary>Our scratch area is a mapping made after mlockall was: if it is locked, all new ones are.</summary>
    private static int LockFlags(TracedProcess process, RemoteCalls calls)
    {
        if (ProcStatus.Of(process.Pid).TryText("VmLck") is null or "0 kB")
            return 0;
        MemoryMap? scratch = MemoryMap.ReadSmaps(process.Pid).Find(m => m.Start == calls.Scratch);
        return scratch is null || !scratch.HasFlag("lo") ? 0 : MCL_FUTURE | (scratch.HasFlag("lf") ? MCL_ONFAULT : 0);
    }

    /// <summary>
    /// A key is looked at by using it where nothing is mapped, behind the scratch area: one that is not allocated is refused
    /// with EINVAL before the kernel looks at the address.
    /// </summary>
    private static IEnumerable<int> ProtectionKeys(RemoteCalls calls)
    {
        ulong nothing = calls.Scratch.Value + RemoteCalls.ScratchLength;
        if (!HasKeys.Value || !calls.MayCall(SyscallNumber.pkey_mprotect, nothing, PageSize.Bytes))
            yield break;
        for (int key = 1; key <= HighestKey; key++)
        {
            if (calls.Try(SyscallNumber.pkey_mprotect, nothing, PageSize.Bytes, 0, (ulong)key) == -Errno.ENOMEM)
                yield return key;
        }
    }

    private static MemorySettings Parse(JsonElement state) =>
        RestoreContext.Parse("memory-settings", state, StateJson.Default.MemorySettings);
}

/// <summary>LockFlags are mlockall(2)'s for memory to come; ProtectionKeys those allocated.</summary>
internal sealed record MemorySettings
{
    public int LockFlags { get; init; }
    public bool Merge { get; init; }
    public IReadOnlyList<int> ProtectionKeys { get; init; } = [];
}
