using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Kinds.Sockets;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>What the collectors of one save share: objects found, contents still to be written, blockers.</summary>
internal sealed class SaveContext(TcpPolicy tcp = TcpPolicy.Refuse)
{
    private readonly List<Blocker> _blockers = [];
    private readonly HashSet<Blocker> _told = [];
    private readonly Dictionary<Type, object> _shared = [];
    private readonly List<Action> _atEnd = [];
    private readonly Stack<DescriptorFacts> _carriers = [];
    private readonly List<Descriptor> _inFlight = [];

    public TcpPolicy Tcp { get; } = tcp;

    /// <summary>Whoever goes through much asks it now and then.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>Where files go that are taken along; null where none are.</summary>
    public BundleCollector? Bundle { get; set; }

    /// <summary>Holds the packets of connections that go on after the restore, from when they were read.</summary>
    public TcpHold? ConnectionHold { get; set; }
    private HashSet<int>? _ptyNumbers;
    private int _passing;

    /// <summary>Every process of the tree, the ended ones that nobody has waited for among them.</summary>
    public HashSet<int> TreePids { get; } = [];

    public ObjectTable Objects { get; } = new();

    /// <summary>Objects whose content goes into the image: id, a path to read it from, size.</summary>
    public List<(int ObjectId, string Reach, long Size)> ObjectContents { get; } = [];

    public IReadOnlyList<Blocker> Blockers => _blockers;

    public List<string> Warnings { get; } = [];

    /// <summary>Bytes that go into the image with an object: what was in a pipe.</summary>
    public List<(int ObjectId, byte[] Bytes)> ObjectBytes { get; } = [];

    public DescriptorsSeen Descriptors { get; } = new();

    /// <summary>A warning that many objects may give rise to, said once.</summary>
    public void WarnOnce(string text)
    {
        if (!Warnings.Contains(text))
            Warnings.Add(text);
    }

    public void Block(Blocker blocker) => TryBlock(blocker);

    /// <returns>False where it has been told before: a file is mapped many times.</returns>
    private bool TryBlock(Blocker blocker)
    {
        if (_carriers.TryPeek(out DescriptorFacts? carrier))
        {
            blocker = blocker with
            {
                Pid = carrier.Process.Pid,
                Fd = carrier.Fd,
                What = $"{blocker.What}, sent over this descriptor and not yet received",
            };
        }
        if (!_told.Add(blocker))
            return false;
        _blockers.Add(blocker);
        return true;
    }

    /// <summary>What all objects of a kind need once: a listing of the kernel's sockets, say.</summary>
    public T Shared<T>(Func<T> create)
        where T : class
    {
        if (!_shared.TryGetValue(typeof(T), out object? value))
            _shared[typeof(T)] = value = create();
        return (T)value;
    }

    /// <summary>For what can be judged only when all processes are known: is the other end in the tree?</summary>
    public void AtEnd(Action check) => _atEnd.Add(check);

    public void RunEnd()
    {
        // A check may add another.
        for (int i = 0; i < _atEnd.Count; i++)
            _atEnd[i]();
        _atEnd.Clear();
    }

    /// <summary>
    /// Captures an open file that is on its way over a descriptor of the tree (SCM_RIGHTS): no process has a number for it but
    /// us, by peeking. It is kept open, to be compared with others and read from until the end of the save.
    /// </summary>
    public int? CaptureInFlight(Descriptor file, DescriptorFacts carrier)
    {
        _inFlight.Add(file);
        _carriers.Push(carrier);
        try
        {
            TracedProcess self = Shared(() => new TracedProcess(Environment.ProcessId, ProcStat.Of(Environment.ProcessId), []));
            return new DescriptorCollector(self, this).Collect(file.Number);
        }
        finally
        {
            _carriers.Pop();
        }
    }

    /// <summary>Closes what was kept open for the length of the save.</summary>
    public void Close()
    {
        ReleaseConnections();
        foreach (Descriptor file in _inFlight)
            file.Dispose();
        foreach (IDisposable shared in _shared.Values.OfType<IDisposable>())
            shared.Dispose();
    }

    /// <summary>The program runs on with its connections.</summary>
    public void ReleaseConnections()
    {
        ConnectionHold?.Dispose();
        ConnectionHold = null;
    }

    private readonly Dictionary<int, List<HeldFileLock>> _locks = [];

    /// <summary>Locks of open files already noted at one of the descriptors that share them.</summary>
    public HashSet<(int ObjectId, HeldLock Lock)> LockedOpenFiles { get; } = [];

    /// <summary>Locks on files found at the descriptors of a process.</summary>
    public List<HeldFileLock> LocksOf(int pid)
    {
        if (!_locks.TryGetValue(pid, out List<HeldFileLock>? locks))
            _locks[pid] = locks = [];
        return locks;
    }

    /// <summary>Processes of the tree, all of them frozen.</summary>
    public IReadOnlyList<TracedProcess> Processes { get; init; } = [];

    /// <summary>Numbers of the ptys that belong to the tree: their masters are in it.</summary>
    public HashSet<int> PtyNumbers => _ptyNumbers ??= PtyMasterKind.NumbersIn(Processes);

    /// <summary>True where nothing stands in the way but what the program, let run for a moment, may remove by itself.</summary>
    public bool BlockedOnlyForNow => _blockers.Count > 0 && _blockers.Count == _passing;

    /// <summary>A blocker that may be gone at the next try.</summary>
    public void BlockForNow(Blocker blocker)
    {
        if (TryBlock(blocker))
            _passing++;
    }
}
