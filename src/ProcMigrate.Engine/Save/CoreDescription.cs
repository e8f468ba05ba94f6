using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Save;

/// <summary>What a debugger wants to know of a process, for the ELF core in front.</summary>
internal static class CoreDescription
{
    private const int FxsaveBytes = 512;

    public static CoreProcess Of(CollectedProcess collected)
    {
        ProcessRecord record = collected.Record;
        return new CoreProcess
        {
            Pid = record.Pid,
            ParentPid = record.ParentPid,
            GroupId = record.GroupId,
            SessionId = record.SessionId,
            Uid = record.Threads[0].Credentials.RealUid,
            Gid = record.Threads[0].Credentials.RealGid,
            Name = record.Name,
            Arguments = string.Join(' ', record.CommandLine),
            State = collected.Process.Stat.State,
            Nice = collected.Process.Stat.Nice,
            AuxiliaryVector = record.Layout.AuxiliaryVector,
            Files = [.. collected.Maps.Where(m => m.HasFile).Select(FileOf)],
            Threads = [.. record.Threads.Select(t => ThreadOf(t, record.PendingSignals))],
        };
    }

    public static List<CoreMapping> Mappings(ProcessRecord record) =>
        [.. record.Mappings.Select(m => new CoreMapping(
            m.Start, m.End, (m.Protection & 1) != 0, (m.Protection & 2) != 0, (m.Protection & 4) != 0))];

    private static CoreFile FileOf(MemoryMap map) =>
        new(map.Start.Value, map.End.Value, map.Offset / Linux.PageSize.Bytes, map.Name);

    private static CoreThread ThreadOf(ThreadRecord thread, IReadOnlyList<byte[]> shared)
    {
        byte[] floatingPoint = new byte[FxsaveBytes];
        Tracer.GetRegisterSet(thread.Tid, RegisterSet.NT_PRFPREG, floatingPoint);
        return new CoreThread
        {
            Tid = thread.Tid,
            Registers = thread.Registers,
            FloatingPoint = floatingPoint,
            ExtendedState = thread.ExtendedState,
            PendingSignals = Mask(thread.PendingSignals) | Mask(shared),
            SignalMask = thread.SignalMask,
            CurrentSignal = 0,
            // No signal ended it; debuggers want the note all the same.
            SignalInfo = new byte[SignalInfo.Size],
        };
    }

    private static ulong Mask(IReadOnlyList<byte[]> pending) =>
        pending.Aggregate(0UL, (mask, info) => mask | 1UL << (SignalInfo.FromBytes(info).si_signo - 1));
}
