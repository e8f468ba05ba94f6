using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Terminals;

namespace ProcMigrate.Engine.Restore;

/// <summary>The ptys of a tree, made again, and what stands in for terminals outside it.</summary>
internal sealed class Terminals(RestoreContext context) : IDisposable
{
    private const string Ptmx = "/dev/ptmx";
    private readonly Dictionary<int, Pty> _ptys = [];
    private readonly Dictionary<int, Descriptor> _controlling = [];
    private bool _made;

    public OutsideTerminal Outside { get; } = new(context);

    /// <summary>The pty that had a number when it was saved; null where its master was not in the tree.</summary>
    public Pty? Pty(int number)
    {
        if (!_made)
            Make();
        return _ptys.GetValueOrDefault(number);
    }

    /// <summary>A terminal whose other side has gone: reading gives the end, everything else an error.</summary>
    public static Descriptor OpenHungUp(OpenFlags flags)
    {
        using Descriptor master = FileCalls.Open(Ptmx, OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
        TerminalCalls.SetPtyLock(master, false);
        string slave = $"/dev/pts/{TerminalCalls.GetPtyNumber(master)}";
        return FileCalls.Open(slave, (flags & (OpenFlags.O_ACCMODE | OpenFlags.O_NONBLOCK | OpenFlags.O_LARGEFILE)) | OpenFlags.O_NOCTTY);
    }

    /// <summary>Keeps what a session leader opened as /dev/tty for the object it is to be.</summary>
    public void KeepControlling(int objectId, Descriptor terminal) => _controlling.Add(objectId, terminal);

    /// <returns>Null where the object was not opened as /dev/tty; the caller disposes.</returns>
    public Descriptor? TakeControlling(int objectId) => _controlling.Remove(objectId, out Descriptor? terminal) ? terminal : null;

    /// <summary>What would hinder the restore itself comes last: locks, exclusive use, packet mode.</summary>
    public void Complete()
    {
        foreach (Pty pty in _ptys.Values)
            pty.Complete();
    }

    public void Dispose()
    {
        foreach (Pty pty in _ptys.Values)
            pty.Dispose();
        foreach (Descriptor terminal in _controlling.Values)
            terminal.Dispose();
        Outside.Dispose();
    }

    /// <summary>
    /// devpts gives the lowest free number, and nobody can ask for one: masters are opened until the wanted ones were among
    /// them, and those that nobody wanted are closed in the end.
    /// </summary>
    private void Make()
    {
        _made = true;
        var wanted = new SortedDictionary<int, PtyMasterState>();
        foreach (ObjectRecord record in context.Tree.Objects)
        {
            if (record.Kind == PtyMasterKind.KindName && PtyMasterState.From(record) is var state)
                wanted.Add(state.Number, state);
        }
        var surplus = new List<Descriptor>();
        try
        {
            while (wanted.Count > 0)
            {
                PtyMasterState next = wanted.Values.First();
                Descriptor master = FileCalls.Open(next.Path, OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
                int number = TerminalCalls.GetPtyNumber(master);
                if (wanted.Remove(number, out PtyMasterState? fitting))
                    Add(new Pty(master, number, fitting));
                else
                    surplus.Add(master);
                if (number > next.Number && surplus.Count > 0 && wanted.Remove(next.Number))
                    AddRenumbered(next, surplus);
            }
        }
        finally
        {
            surplus.ForEach(m => m.Dispose());
        }
    }

    /// <summary>The number is taken: what is given now lies beyond it.</summary>
    private void AddRenumbered(PtyMasterState state, List<Descriptor> surplus)
    {
        Descriptor master = surplus[^1];
        surplus.RemoveAt(surplus.Count - 1);
        int number = TerminalCalls.GetPtyNumber(master);
        context.Warnings.Add(
            $"/dev/pts/{state.Number} is in use here: the terminal is /dev/pts/{number} now, which programs notice that remember its name");
        Add(new Pty(master, number, state));
    }

    private void Add(Pty pty)
    {
        _ptys.Add(pty.State.Number, pty);
        pty.SetUp(context.Rights);
    }
}
