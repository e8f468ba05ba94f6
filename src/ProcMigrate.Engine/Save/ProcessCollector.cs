using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>struct itimerval.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IntervalTimerValue
{
    public long it_interval_sec;
    public long it_interval_usec;
    public long it_value_sec;
    public long it_value_usec;
}

/// <summary>Reads everything of one frozen process, and reports what of it cannot be carried.</summary>
internal sealed class ProcessCollector(TracedProcess process, SaveContext context)
{
    private const int PR_GET_DUMPABLE = 3;
    private const int PR_GET_CHILD_SUBREAPER = 37;
    private const int PR_GET_THP_DISABLE = 42;
    private const int MEMBARRIER_CMD_GET_REGISTRATIONS = 1 << 9;
    private const int SignalCount = 64;
    private const int SIGCHLD = 17;

    /// <returns>Null, with blockers reported, where the process must not be entered.</returns>
    public CollectedProcess? Collect()
    {
        int pid = process.Pid;
        if (FuseServers.Refuse(process, context))
            return null;
        ProcessBlockers.Report(process, context);
        List<MemoryMap> maps = MemoryMap.ReadSmaps(pid);
        List<MappingRecord> mappings = new MappingCollector(process, context).Collect(maps);
        IReadOnlyList<DescriptorRecord> descriptors = new DescriptorCollector(process, context).Collect();
        int executable = FileObject($"/proc/{pid}/exe", "file", OpenFlags.O_RDONLY);
        int folder = FileObject($"/proc/{pid}/cwd", "folder", OpenFlags.O_RDONLY);
        int root = FileObject($"/proc/{pid}/root", "folder", OpenFlags.O_RDONLY);
        if (!ThreadBlockers.Allow(process, context))
            return null;
        try
        {
            return Enter(maps, mappings, descriptors, executable, folder, root);
        }
        catch (EngineException e) when (e.Blockers.Count > 0)
        {
            // One of its threads must not make our calls (CallGuard); what stands against the others is still to be told.
            foreach (Blocker blocker in e.Blockers)
                context.Block(blocker);
            return null;
        }
    }

    private CollectedProcess? Enter(
        List<MemoryMap> maps, List<MappingRecord> mappings, IReadOnlyList<DescriptorRecord> descriptors, int executable, int folder, int root)
    {
        RemoteAddress scratch = ScratchPlace.Find(maps, RemoteCalls.ScratchLength);
        using LandingPad? pad = LandingPad.Open(process, maps, out int busy);
        if (pad is null)
        {
            context.BlockForNow(new Blocker(
                "KilledSave", process.Pid, null, $"thread {busy} is on its way back from a save that was killed",
                "it gets there by itself, as soon as it has run for a moment and its signal handlers have returned",
                "try again in a moment; let the program run on if it is stopped"));
            return null;
        }
        var threads = new List<ThreadRecord>(process.Threads.Count);
        ProcessRecord record;
        using (RemoteCalls calls = RemoteCalls.Enter(process, process.Leader, pad, scratch))
        {
            threads.Add(new ThreadCollector(process, context).Collect(process.Leader, calls));
            record = Describe(calls, mappings, descriptors, executable, folder, root);
            TileRegisters.Report(process, calls, context);
        }
        foreach (TracedThread thread in process.Threads.Skip(1))
        {
            using RemoteCalls calls = RemoteCalls.Enter(process, thread, pad, scratch);
            threads.Add(WithOwnFolders(thread.Tid, new ThreadCollector(process, context).Collect(thread, calls)));
        }
        return new CollectedProcess(process, record with { Threads = threads }, maps);
    }

    private ProcessRecord Describe(
        RemoteCalls calls, List<MappingRecord> mappings, IReadOnlyList<DescriptorRecord> descriptors, int executable, int folder, int root)
    {
        int pid = process.Pid;
        // 0, or 1 with flags beside it.
        int hugePages = (int)calls.Call(SyscallNumber.prctl, PR_GET_THP_DISABLE);
        return new ProcessRecord
        {
            Pid = pid,
            ParentPid = process.Stat.ParentPid,
            GroupId = process.Stat.GroupId,
            SessionId = process.Stat.SessionId,
            Name = process.Stat.Name,
            CommandLine = CommandLine(),
            MemoryBytes = 0,
            Layout = Layout(calls),
            ExecutableObject = executable,
            WorkingFolderObject = folder,
            RootFolderObject = root,
            Mappings = mappings,
            Threads = [],
            Descriptors = descriptors,
            SignalActions = SignalActions(calls),
            PendingSignals = Tracer.PeekSignals(process.Leader.Tid, shared: true),
            Limits = [.. ResourceLimits.Of(pid).Select(l => new LimitRecord(l.Resource, l.Soft, l.Hard))],
            IntervalTimers = IntervalTimers(calls),
            Umask = ProcStatus.Of(pid).Octal("Umask"),
            Personality = Hex($"/proc/{pid}/personality"),
            CoreDumpFilter = Hex($"/proc/{pid}/coredump_filter"),
            OomScoreAdjust = int.Parse(FileCalls.ReadText($"/proc/{pid}/oom_score_adj"), CultureInfo.InvariantCulture),
            Dumpable = (int)calls.Call(SyscallNumber.prctl, PR_GET_DUMPABLE),
            ChildSubreaper = ChildSubreaper(calls),
            TransparentHugePagesDisabled = hugePages != 0,
            TransparentHugePagesFlags = hugePages & ~1,
            MembarrierRegistrations = MembarrierRegistrations(calls),
            Aspects = Aspects(calls),
            Stopped = process.Threads.All(t => t.StopSignal != 0),
            StopSignal = process.Leader.StopSignal,
            ChildStopsTaken = ChildStopsTaken(calls),
        };
    }

    private Dictionary<string, JsonElement> Aspects(RemoteCalls calls)
    {
        var states = new Dictionary<string, JsonElement>();
        foreach (ProcessAspect aspect in ProcessAspects.All)
        {
            if (aspect.Capture(process, calls, context) is { } state)
                states.Add(aspect.Name, state);
        }
        return states;
    }

    private static uint Hex(string path) =>
        uint.Parse(FileCalls.ReadText(path).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private ThreadRecord WithOwnFolders(int tid, ThreadRecord record)
    {
        if (Kcmp.Compare(process.Pid, tid, Kcmp.KCMP_FS) == 0)
            return record;
        string task = $"/proc/{process.Pid}/task/{tid}";
        return record with
        {
            WorkingFolderObject = FileObject($"{task}/cwd", "folder", OpenFlags.O_RDONLY),
            Umask = ProcStatus.Of(tid).Octal("Umask"),
        };
    }

    private int FileObject(string link, string kind, OpenFlags flags)
    {
        string path = FileCalls.ReadLink(link);
        try
        {
            FileStatus status = FileStatus.OfPath(link);
            if (link.EndsWith("/exe", StringComparison.Ordinal))
                ExecutedFiles.NoteProgram(path, status, context);
            return FilePaths.Capture(path, status, flags, 0, link, process.Pid, null, context) is { } state
                ? context.Objects.GetOrAdd($"{kind} {flags} {status.Inode} {path}", table => table.Add(kind, path, state.ToJson()))
                : 0;
        }
        catch (LinuxException e) when (DeadFileSystem.Is(e))
        {
            context.Block(DeadFileSystem.Blocker(process.Pid, null, path, e));
            return 0;
        }
    }

    private string[] CommandLine()
    {
        byte[] bytes = FileCalls.ReadAll($"/proc/{process.Pid}/cmdline");
        return bytes.Length == 0 ? [] : CString.Decode(bytes).TrimEnd('\0').Split('\0');
    }

    private MemoryLayoutRecord Layout(RemoteCalls calls)
    {
        ProcStat stat = process.Stat;
        return new MemoryLayoutRecord
        {
            StartCode = stat.StartCode,
            EndCode = stat.EndCode,
            StartData = stat.StartData,
            EndData = stat.EndData,
            StartBreak = stat.StartBreak,
            // brk(0) fails to move anything and answers with where the break is.
            Break = (ulong)calls.Call(SyscallNumber.brk, 0),
            StartStack = stat.StartStack,
            ArgumentStart = stat.ArgumentStart,
            ArgumentEnd = stat.ArgumentEnd,
            EnvironmentStart = stat.EnvironmentStart,
            EnvironmentEnd = stat.EnvironmentEnd,
            AuxiliaryVector = FileCalls.ReadAll($"/proc/{process.Pid}/auxv"),
        };
    }

    /// <summary>
    /// Asked for are the signals that are caught or ignored, and SIGCHLD, whose flags count without a handler, too (SA_NOCLDWAIT). Flags
    /// and masks of others have no effect; to ask for them would double the time that the process stands still.
    /// </summary>
    private List<SignalActionRecord> SignalActions(RemoteCalls calls)
    {
        ProcStatus status = ProcStatus.Of(process.Pid);
        ulong asked = status.Hex("SigCgt") | status.Hex("SigIgn") | (1UL << (SIGCHLD - 1));
        var actions = new List<SignalActionRecord>();
        for (int signal = 1; signal <= SignalCount; signal++)
        {
            if ((asked >> (signal - 1) & 1) == 0)
                continue;
            calls.Call(SyscallNumber.rt_sigaction, (ulong)signal, 0, calls.Scratch.Value, sizeof(ulong));
            KernelSigaction action = calls.ReadScratch<KernelSigaction>();
            if (action.handler != 0 || action.flags != 0 || action.mask != 0)
                actions.Add(new SignalActionRecord(signal, action.handler, action.flags, action.restorer, action.mask));
        }
        return actions;
    }

    private static List<IntervalTimerRecord> IntervalTimers(RemoteCalls calls)
    {
        var timers = new List<IntervalTimerRecord>();
        for (int which = 0; which < 3; which++)
        {
            calls.Call(SyscallNumber.getitimer, (ulong)which, calls.Scratch.Value);
            IntervalTimerValue value = calls.ReadScratch<IntervalTimerValue>();
            long remaining = value.it_value_sec * 1_000_000 + value.it_value_usec;
            long interval = value.it_interval_sec * 1_000_000 + value.it_interval_usec;
            // A real-time beat whose signal waits has nothing left: the kernel starts it again when the signal is taken.
            if (remaining != 0 || interval != 0)
                timers.Add(new IntervalTimerRecord(which, Math.Max(remaining, 1), interval));
        }
        return timers;
    }

    /// <summary>A stop that waitid(2) does not show is one that the parent has seen already. Asked with WNOWAIT, it takes nothing.</summary>
    private List<int> ChildStopsTaken(RemoteCalls calls)
    {
        const ulong P_PID = 1, WNOHANG = 1, WSTOPPED = 2, WNOWAIT = 0x0100_0000, __WALL = 0x4000_0000;
        const int si_pid = 16;
        var taken = new List<int>();
        foreach (TracedProcess child in context.Processes)
        {
            if (child.Stat.ParentPid != process.Pid || child.Leader.StopSignal == 0 || !calls.MayCall(SyscallNumber.waitid, P_PID, (ulong)child.Pid))
                continue;
            calls.WriteScratch(0, si_pid);
            calls.Call(SyscallNumber.waitid, P_PID, (ulong)child.Pid, calls.Scratch.Value, WSTOPPED | WNOHANG | WNOWAIT | __WALL, 0);
            if (calls.ReadScratch<int>(si_pid) == 0)
                taken.Add(child.Pid);
        }
        return taken;
    }

    private static bool ChildSubreaper(RemoteCalls calls)
    {
        calls.Call(SyscallNumber.prctl, PR_GET_CHILD_SUBREAPER, calls.Scratch.Value);
        return calls.ReadScratch<int>() != 0;
    }

    private int MembarrierRegistrations(RemoteCalls calls)
    {
        long result = calls.Try(SyscallNumber.membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS);
        if (result >= 0)
            return (int)result;
        // Before 6.3 nobody can tell. glibc and musl do not register by themselves, runtimes with a JIT do.
        context.Warnings.Add($"membarrier registrations of process {process.Pid} cannot be read on this kernel; PRIVATE_EXPEDITED is assumed");
        return AssumedRegistrations;
    }

    private const int AssumedRegistrations = 1 << 4; // MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED
}
