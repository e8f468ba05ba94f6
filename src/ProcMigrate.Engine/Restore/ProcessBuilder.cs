using System.Text.Json;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore.X64;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Turns a copy of the seed into a process of the image, step by step; nothing of it runs before the release.</summary>
internal sealed partial class ProcessBuilder
{
    private const ulong PR_SET_CHILD_SUBREAPER = 36;
    private const ulong PR_SET_THP_DISABLE = 41;
    private const int SIGTRAP = 5;

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
    private LoaderSaveAreas? _saveAreas;

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

    /// <summary>Descriptors and folders, with the rights that this process has; when nobody needs the table for its memory any more.</summary>
    public void BuildFiles()
    {
        if (!Shares(CloneArguments.CLONE_FILES))
            PlaceDescriptors();
        ForEachAspect((aspect, state) => aspect.RestoreAfterDescriptors(state, InMaking));
        if (!Shares(CloneArguments.CLONE_FS))
            AddFolders();
        _calls.Run();
    }

    private void PlaceDescriptors()
    {
        PrepareTable();
        List<DescriptorRecord> descriptors = Descriptors;
        int there = 0;
        _installer.Receive(descriptors.Count, i => _context.OpenFiles.Get(descriptors[i].ObjectId), count =>
        {
            for (; there < count; there++)
                _context.OpenFiles.Placed(descriptors[there].ObjectId, Pid, there);
            _context.OpenFiles.MakeRoom();
        });
        _installer.Place(descriptors);
        descriptors.ForEach(d => _context.OpenFiles.Placed(d.ObjectId, Pid, d.Fd));
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
        _installer.Prepare(descriptors.Select(d => d.Fd).ToHashSet(), Math.Max(descriptors.Count, NumbersForMapping()));
    }

    private bool Shares(ulong flag) => Shares(_record, flag);

    private static bool Shares(ProcessRecord record, ulong flag) => (record.SharedWithParent & (int)flag) != 0;

    /// <summary>Threads, limits, credentials, signals: what comes last.</summary>
    public void BuildThreads(CredentialsRecord current)
    {
        foreach (ThreadRecord thread in _record.Threads.Skip(1))
            CloneThread(thread);
        AddProcessSettings();
        ForEachAspect((aspect, state) => aspect.RestoreBeforeCredentials(state, InMaking));
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
        ForEachAspect((aspect, state) => aspect.RestoreAfterThreads(state, InMaking));
    }

    private void ForEachAspect(Action<ProcessAspect, JsonElement> restore)
    {
        foreach ((string name, JsonElement state) in _record.Aspects)
            RestoreContext.Interpret($"'{name}' of process {_record.Pid}", () => restore(ProcessAspects.Named(name), state));
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

    private sealed record ThreadInMaking(OwnedThread Thread, ThreadRecord Record);
}
