using System.Runtime.InteropServices;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>struct prctl_mm_map (linux/prctl.h), 104 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MemoryLayoutMap
{
    public ulong start_code;
    public ulong end_code;
    public ulong start_data;
    public ulong end_data;
    public ulong start_brk;
    public ulong brk;
    public ulong start_stack;
    public ulong arg_start;
    public ulong arg_end;
    public ulong env_start;
    public ulong env_end;
    public ulong auxv;
    public uint auxv_size;
    public uint exe_fd;
}

/// <summary>Turns a copy of the seed into a process of the image, step by step; nothing of it runs before the release.</summary>
internal sealed class ProcessBuilder
{
    private const ulong PR_SET_MM = 35;
    private const ulong PR_SET_MM_MAP = 14;
    private const ulong PR_SET_CHILD_SUBREAPER = 36;
    private const ulong PR_SET_THP_DISABLE = 41;
    private const int SIGTRAP = 5;
    private const int SIGKILL = 9;

    private readonly ProcessRecord _record;
    private readonly RestoreContext _context;
    private readonly List<ThreadInMaking> _threads = [];
    private readonly RestorerArea _area;
    private readonly CallTable _calls;
    private readonly DescriptorInstaller _installer;
    private readonly ChannelPlace _place;
    private readonly ProcessBuilder _memoryOwner;
    private readonly InheritedMemory? _inherited;
    private readonly Dictionary<int, InheritedMemory> _bequests = [];
    private readonly bool _bornWithExecutable;
    private bool _memoryBuilt;

    // Of the address space that this process owns, which processes still need our area in it.
    private int _sharers;

    /// <param name="mother">Whose memory and descriptors the process was born with; null: the seed's.</param>
    public ProcessBuilder(
        ProcessRecord record, OwnedThread leader, RemoteAddress areaStart, DescriptorChannel channel, ProcessBuilder? mother, RestoreContext context)
    {
        (_record, _context) = (record, context);
        _threads.Add(new ThreadInMaking(leader, record.Threads[0]));
        _area = new RestorerArea(record.Pid, areaStart);
        _calls = new CallTable(leader, _area);
        _place = Shares(CloneArguments.CLONE_FILES) ? mother!._place : mother?._place.Copy() ?? new ChannelPlace();
        _installer = new DescriptorInstaller(leader, _area, _calls, channel, _place);
        _memoryOwner = Shares(CloneArguments.CLONE_VM) ? mother!._memoryOwner : this;
        _memoryOwner._sharers++;
        _inherited = mother?._bequests.GetValueOrDefault(record.Pid);
        _bornWithExecutable = mother is { _memoryOwner._memoryBuilt: true } && mother._record.ExecutableObject == record.ExecutableObject;
    }

    public int Pid => _record.Pid;

    private ProcessInMaking InMaking => new(_record, Leader, [.. _threads.Select(t => t.Thread)], _area, _calls, _context);

    private OwnedThread Leader => _threads[0].Thread;

    private List<DescriptorRecord> Descriptors => [.. _record.Descriptors.OrderBy(d => d.Fd)];

    /// <summary>Whether a child yet to be born will have pages in common, for which the memory of this process must be there by then.</summary>
    public bool WillBequeathTo(ProcessRecord child)
    {
        if (Shares(child, CloneArguments.CLONE_VM) || InheritedMemory.Between(_record, child, _context) is not { } inherited)
            return false;
        _bequests.Add(child.Pid, inherited);
        return true;
    }

    /// <summary>The address space, unless it is there already: shared with another process, or wanted by children before their birth.</summary>
    public void BuildMemory(Action<long> loaded)
    {
        if (_memoryOwner != this)
        {
            _memoryOwner.BuildMemory(loaded);
            return;
        }
        if (_memoryBuilt)
            return;
        _memoryBuilt = true;
        PrepareTable();
        MapAndLoad(loaded);
    }

    /// <summary>Descriptors and folders, with the rights that this process has; when nobody needs the table for its memory any more.</summary>
    public void BuildFiles()
    {
        if (!Shares(CloneArguments.CLONE_FILES))
            PlaceDescriptors();
        foreach ((string name, JsonElement state) in _record.Aspects)
            ProcessAspects.Named(name).RestoreAfterDescriptors(state, InMaking);
        if (!Shares(CloneArguments.CLONE_FS))
            AddFolders();
        _calls.Run();
    }

    private void PlaceDescriptors()
    {
        PrepareTable();
        List<DescriptorRecord> descriptors = Descriptors;
        _installer.Receive([.. descriptors.Select(d => _context.OpenFiles.Get(d.ObjectId))]);
        _installer.Place(descriptors);
        _installer.CloseChannel();
        ProcessInMaking making = InMaking;
        foreach (DescriptorRecord descriptor in descriptors)
        {
            ObjectRecord record = _context.Object(descriptor.ObjectId);
            DescriptorKinds.Of(record).Placed(record, descriptor, making);
            SignalOwners.Placed(record, descriptor, making);
        }
        _calls.Run();
    }

    private void PrepareTable()
    {
        List<DescriptorRecord> descriptors = Descriptors;
        _installer.Prepare(Math.Max(descriptors.Count == 0 ? 0 : descriptors[^1].Fd, NumbersForMapping()));
    }

    private bool Shares(ulong flag) => Shares(_record, flag);

    private static bool Shares(ProcessRecord record, ulong flag) => (record.SharedWithParent & (int)flag) != 0;

    /// <summary>Threads, limits, credentials, signals: what comes last.</summary>
    public void BuildThreads(CredentialsRecord current)
    {
        foreach (ThreadRecord thread in _record.Threads.Skip(1))
            CloneThread(thread);
        AddProcessSettings();
        foreach ((string name, JsonElement state) in _record.Aspects)
            ProcessAspects.Named(name).RestoreBeforeCredentials(state, InMaking);
        if (_memoryOwner == this)
            Space().Seal();
        foreach ((OwnedThread thread, ThreadRecord record) in _threads)
        {
            var calls = new CallTable(thread, _area);
            new ThreadBuilder(_record, record, thread, calls, _context).Build(current);
        }
        // Before timers run and signals are queued: setting an action to "ignore" throws away what waits, blocked or not.
        if (!Shares(CloneArguments.CLONE_SIGHAND))
            AddSignalActions();
        foreach ((string name, JsonElement state) in _record.Aspects)
            ProcessAspects.Named(name).RestoreAfterThreads(state, InMaking);
    }

    /// <summary>Removes our last traces and sets registers and masks. From here on only letting go is left.</summary>
    public void Finish()
    {
        var registers = new Dictionary<int, UserRegisters>();
        foreach ((OwnedThread thread, ThreadRecord record) in _threads)
        {
            UserRegisters saved = UserRegisters.FromBytes(record.Registers);
            registers[thread.Tid] = record.TimedCall is { } timed ? TimedCallArmer.Arm(thread, timed, saved, _area) : saved;
            thread.ComeToRest();
        }
        StartTimers();
        if (--_memoryOwner._sharers == 0)
        {
            Leader.SyscallInstruction = SyscallInstruction.Find(Pid, _area);
            Leader.Call(SyscallNumber.munmap, "the restorer's area", _area.Start.Value, RestorerArea.Length);
        }
        // The trap of the call tables would have reset these, had they been set before.
        Leader.ComeToRest();
        foreach ((OwnedThread thread, ThreadRecord record) in _threads)
        {
            Tracer.SetRegisterSet(thread.Tid, RegisterSet.NT_X86_XSTATE, ExtendedState(thread, record));
            Tracer.SetRegisters(thread.Tid, registers[thread.Tid]);
            Tracer.SetSignalMask(thread.Tid, record.SignalMask);
        }
    }

    private byte[] ExtendedState(OwnedThread thread, ThreadRecord record)
    {
        CpuRecord saved = _context.Tree.Origin.Cpu, here = _context.Shared("cpu", CpuFacts.Read);
        if (saved.Xcr0 == here.Xcr0 && saved.XsaveLayout.SequenceEqual(here.XsaveLayout))
            return record.ExtendedState;
        byte[] fresh = new byte[ThreadCollector.MaxExtendedState];
        int length = Tracer.GetRegisterSet(thread.Tid, RegisterSet.NT_X86_XSTATE, fresh);
        return XsaveArea.Convert(record.ExtendedState, saved, fresh[..length], here);
    }

    /// <summary>Whether a stop waits that <see cref="Release"/> takes back.</summary>
    public bool Held { get; private set; }

    /// <summary>Has the process stop, and not run, should we die before the release.</summary>
    public void Hold() => Held = !_record.Stopped && PendingStop.Send(Pid);

    /// <summary>From now on the process does not die with us.</summary>
    public void Outlive()
    {
        foreach ((OwnedThread thread, _) in _threads)
            Tracer.SetOptions(thread.Tid, Seed.Options & ~PtraceOptions.ExitKill);
    }

    public void Kill()
    {
        using PidFd process = PidFd.Open(Pid);
        process.Signal(SIGKILL);
    }

    /// <summary>A thread that is gone (ESRCH) has been ended by one that runs already: by exit_group(2), say, or a signal that waited.</summary>
    public void Release()
    {
        if (Held)
            PendingStop.TakeBack(Pid);
        foreach ((OwnedThread thread, _) in _threads)
        {
            long result = Tracer.TryRequest(PtraceRequest.PTRACE_DETACH, thread.Tid, 0, 0);
            if (result != -Errno.ESRCH)
                RawSyscall.Check(result, "PTRACE_DETACH", $"thread {thread.Tid}");
        }
    }

    private void MapAndLoad(Action<long> loaded)
    {
        List<int> mapped = [.. _record.Mappings.Where(m => m.Backing == MappingBacking.Object && IsMappedByDescriptor(m.ObjectId)).Select(m => m.ObjectId).Distinct()];
        var files = new List<Descriptor>();
        using Descriptor image = Descriptor.Duplicate((int)_context.Image.File.DangerousGetHandle());
        files.Add(image);
        files.Add(_context.OpenFiles.Get(_record.ExecutableObject));
        files.AddRange(mapped.Select(MappedFile));
        _installer.Receive(files);
        var descriptorOf = mapped.Select((id, i) => (id, i)).ToDictionary(p => p.id, p => p.i + 2);
        AddressSpace space = Space();
        space.ClearAndPlaceVdso(Pid);
        space.Map(descriptorOf);
        new MemoryLoader(_record, _calls, _context).Load(Pid, 0, _inherited, loaded);
        Patch();
        space.Finish();
        // The kernel refuses to change it while the old one is mapped, even to the same (EBUSY): then it stays what it is.
        SetLayout(_bornWithExecutable ? uint.MaxValue : 1);
        _installer.CloseReceived(files.Count);
    }

    private void Patch()
    {
        using ProcessMemory memory = ProcessMemory.Open(Pid);
        foreach (CodePatch patch in _context.PatchesOf(Pid))
            memory.Write(new RemoteAddress(patch.Address), patch.Code);
    }

    private AddressSpace Space() => new(_record, _area, _calls, _context, _inherited?.Mapped ?? InheritedMemory.None);

    private bool IsMappedByDescriptor(int objectId) =>
        _context.Object(objectId).Kind is not (SysvMemoryKind.KindName or AioRingKind.KindName);

    /// <summary>More than any process of the tree needs for a moment to map its files: tables may be shared.</summary>
    private int NumbersForMapping() => _context.Shared("numbers for mapping", () =>
    {
        int most = 0;
        foreach (ProcessRecord process in _context.Tree.Processes)
        {
            var objects = new HashSet<int>();
            foreach (MappingRecord mapping in process.Mappings)
                objects.Add(mapping.ObjectId);
            most = Math.Max(most, objects.Count);
        }
        // The image and the program come first.
        return new[] { most + 2 };
    })[0];

    private Descriptor MappedFile(int objectId) =>
        _context.Object(objectId).Kind == SharedMemory.KindName
            ? _context.SharedMemories.Open(objectId)
            : _context.OpenFiles.Get(objectId);

    private unsafe void SetLayout(uint executableDescriptor)
    {
        MemoryLayoutRecord layout = _record.Layout;
        int mapSize = sizeof(MemoryLayoutMap);
        byte[] data = new byte[mapSize + layout.AuxiliaryVector.Length];
        layout.AuxiliaryVector.CopyTo(data, mapSize);
        RemoteAddress address = _area.Data;
        MemoryMarshal.Write(data, new MemoryLayoutMap
        {
            start_code = layout.StartCode,
            end_code = layout.EndCode,
            start_data = layout.StartData,
            end_data = layout.EndData,
            start_brk = layout.StartBreak,
            brk = layout.Break,
            start_stack = layout.StartStack,
            arg_start = layout.ArgumentStart,
            arg_end = layout.ArgumentEnd,
            env_start = layout.EnvironmentStart,
            env_end = layout.EnvironmentEnd,
            auxv = address.Value + (ulong)mapSize,
            auxv_size = (uint)layout.AuxiliaryVector.Length,
            exe_fd = executableDescriptor,
        });
        RemoteAddress map = _calls.Data(data);
        _calls.Add(SyscallNumber.prctl, "memory layout, command line and program file", PR_SET_MM, PR_SET_MM_MAP, map.Value, (ulong)mapSize);
        _calls.Run();
    }

    private void AddFolders()
    {
        var folders = new WorkingFolders(Leader, _area, _context);
        string root = folders.PathOf(_record.RootFolderObject);
        if (!folders.EnterOfEndedProcess(_record.WorkingFolderObject))
        {
            string folder = folders.PathOf(_record.WorkingFolderObject);
            _calls.Add(SyscallNumber.chdir, $"the working folder {folder}", _calls.Text(folder).Value);
        }
        if (root != "/")
            _calls.Add(SyscallNumber.chroot, $"the root folder {root}", _calls.Text(root).Value);
        _calls.Add(SyscallNumber.umask, "umask", (ulong)_record.Umask);
    }

    private void CloneThread(ThreadRecord record)
    {
        const ulong Flags = CloneArguments.CLONE_VM | CloneArguments.CLONE_FILES
            | CloneArguments.CLONE_SIGHAND | CloneArguments.CLONE_THREAD | CloneArguments.CLONE_SYSVSEM;
        ulong folders = record.WorkingFolderObject is null ? CloneArguments.CLONE_FS : 0;
        int tid = Leader.Clone(_area.Data, Flags | folders, 0, record.Tid, $"thread {record.Tid}");
        var thread = new OwnedThread(tid, Leader.SyscallInstruction);
        _threads.Add(new ThreadInMaking(thread, record));
        if (record.WorkingFolderObject is not { } folder)
            return;
        string path = new WorkingFolders(Leader, _area, _context).PathOf(folder);
        thread.Call(SyscallNumber.chdir, $"the working folder {path} of thread {tid}", _area.WriteData(0, CString.Of(path)).Value);
        thread.Call(SyscallNumber.umask, $"umask of thread {tid}", (ulong)(record.Umask ?? _record.Umask));
    }

    private void AddProcessSettings()
    {
        foreach (LimitRecord limit in _record.Limits)
            ProcessLimits.Add(_calls, limit, _context);
        if (_record.ChildSubreaper)
            _calls.Add(SyscallNumber.prctl, "child subreaper", PR_SET_CHILD_SUBREAPER, 1);
        if (_record.TransparentHugePagesDisabled)
            _calls.Add(SyscallNumber.prctl, "huge pages off", PR_SET_THP_DISABLE, 1, (ulong)_record.TransparentHugePagesFlags);
        for (int bit = 0; bit < 32; bit++)
        {
            if ((_record.MembarrierRegistrations >> bit & 1) != 0)
                _calls.Add(SyscallNumber.membarrier, "membarrier registration", 1UL << bit);
        }
        _calls.Add(SyscallNumber.personality, "personality", _record.Personality);
        _calls.Run();
        OomScore.Set(_record, _context);
        FileCalls.WriteText($"/proc/{Pid}/coredump_filter", $"0x{_record.CoreDumpFilter:x}");
    }

    private void AddSignalActions()
    {
        foreach (SignalActionRecord action in _record.SignalActions.Where(a => a.Signal != SIGTRAP))
            _calls.Add(SyscallNumber.rt_sigaction, $"handler of signal {action.Signal}", (ulong)action.Signal, ActionData(action).Value, 0, 8);
        _calls.Run();
    }

    private RemoteAddress ActionData(SignalActionRecord action) => _calls.Data(new KernelSigaction
    {
        handler = action.Handler,
        flags = action.Flags,
        restorer = action.Restorer,
        mask = action.Mask,
    });

    public void StopAgain()
    {
        if (_record.Stopped)
            GroupStop.Enter(_record, [.. _threads.Select(t => t.Thread)], _context.Tree);
    }

    /// <summary>When all stopped processes are: what the kernel has just told this one of its children is old news.</summary>
    public void ForgetChildStops()
    {
        foreach (int child in _record.ChildStopsTaken)
        {
            if (_context.Tree.Processes.Any(p => p.Pid == child && p.Stopped))
                GroupStop.TakeNotice(Leader, child);
        }
        if (_context.Tree.Processes.Any(p => p.ParentPid == Pid && p.Stopped))
            OwnedProcess.DiscardChildSignal(Leader, _area.Data);
    }

    /// <summary>
    /// Signals that waited, in their order. What the making itself sent is discarded by now; and no call table is run any more: its
    /// trap unblocks SIGTRAP (force_sig_info_to_task in kernel/signal.c), so that one that waits would be taken.
    /// </summary>
    public void QueueSignals()
    {
        foreach ((OwnedThread thread, _) in _threads)
            Tracer.SetSignalMask(thread.Tid, ulong.MaxValue);
        foreach (byte[] info in _record.PendingSignals.Where(s => !PosixTimerAspect.SendsAgain(_record, s)))
        {
            int signal = SignalInfo.FromBytes(info).si_signo;
            Leader.Call(SyscallNumber.rt_sigqueueinfo, $"pending signal {signal}", (ulong)Pid, (ulong)signal, _area.WriteData(0, info).Value);
        }
        foreach ((OwnedThread thread, ThreadRecord record) in _threads)
            new ThreadBuilder(_record, record, thread, _calls, _context).QueueSignals(_area);
    }

    /// <summary>Last of all, so that no timer fires into a process that does not run yet; and SIGTRAP's handler, see above.</summary>
    private void StartTimers()
    {
        foreach (IntervalTimerRecord timer in _record.IntervalTimers)
        {
            Linux.Memory.ProcessMemory.WriteFast(Pid, _area.Data, MemoryMarshal.AsBytes([new IntervalTimerValue
            {
                it_interval_sec = timer.IntervalUs / 1_000_000,
                it_interval_usec = timer.IntervalUs % 1_000_000,
                it_value_sec = timer.RemainingUs / 1_000_000,
                it_value_usec = timer.RemainingUs % 1_000_000,
            }]));
            Leader.Call(SyscallNumber.setitimer, "interval timer", (ulong)timer.Which, _area.Data.Value);
        }
        if (_record.SignalActions.FirstOrDefault(a => a.Signal == SIGTRAP) is not { } trap)
            return;
        Linux.Memory.ProcessMemory.WriteFast(Pid, _area.Data, MemoryMarshal.AsBytes(
            [new KernelSigaction { handler = trap.Handler, flags = trap.Flags, restorer = trap.Restorer, mask = trap.Mask }]));
        Leader.Call(SyscallNumber.rt_sigaction, "handler of SIGTRAP", SIGTRAP, _area.Data.Value, 0, 8);
    }

    private sealed record ThreadInMaking(OwnedThread Thread, ThreadRecord Record);
}
