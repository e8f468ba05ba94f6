using System.Globalization;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// CLOCK_MONOTONIC and CLOCK_BOOTTIME count from the boot of a machine. To the tree they go on from where they were, so that no timer and
/// no wait is late or early by the difference of two uptimes: elsewhere, or after a reboot, it lives in a time namespace whose offsets
/// (time_namespaces(7)) make up for it. Since the same boot its clocks have gone on by themselves.
/// </summary>
internal sealed class TreeClocks
{
    private readonly ClockOffsets _ours = ClockOffsets.OfProcess("self");
    private ClockOffsets _wanted;
    private ClockOffsets _moved;
    private readonly RestoreContext _context;
    private bool _jump;

    private TreeClocks(RestoreContext context)
    {
        _context = context;
        (_wanted, _moved) = Measure();
    }

    private (ClockOffsets Wanted, ClockOffsets Moved) Measure()
    {
        OriginRecord origin = _context.Tree.Origin;
        var there = new ClockOffsets(origin.MonotonicOffsetNs, origin.BoottimeOffsetNs);
        // The offsets of a process that lived in the namespace of the save.
        ClockOffsets wanted = HostFacts.BootId() == origin.BootId
            ? there
            : new ClockOffsets(
                origin.MonotonicNs - Clock.Now(Clock.CLOCK_MONOTONIC) + _ours.Monotonic,
                origin.BoottimeNs - Clock.Now(Clock.CLOCK_BOOTTIME) + _ours.Boottime);
        return (wanted, new ClockOffsets(wanted.Monotonic - there.Monotonic, wanted.Boottime - there.Boottime));
    }

    public static TreeClocks Of(RestoreContext context) => context.Shared("clocks", () => new TreeClocks(context));

    public void Check()
    {
        if (!IsNamespaceNeeded() || IsNamespacePossible(out string why))
            return;
        string what = string.Create(
            CultureInfo.InvariantCulture, $"CLOCK_MONOTONIC was {Seconds(_context.Tree.Origin.MonotonicNs)} s, here it is {Seconds(Clock.Now(Clock.CLOCK_MONOTONIC))} s");
        if (_context.Options.Force)
        {
            _jump = true;
            _context.Warnings.Add(what + "; to the program it jumps, since " + why);
            return;
        }
        _context.Block(new Blocker(
            "ClocksJump", null, null, what, "waits and timers of the program would end early or late by the difference; a time namespace makes up for it, but " + why,
            "restore as root or with CAP_SYS_ADMIN and CAP_SYS_TIME, on a kernel with CONFIG_TIME_NS; --force lets the clocks jump"));
    }

    /// <summary>The children that the seed will have are born with the clocks of the tree.</summary>
    public void Enter(OwnedThread seed)
    {
        if (_jump || !IsNamespaceNeeded())
            return;
        seed.Call(SyscallNumber.unshare, "a time namespace for the tree", RestoreNamespaces.CLONE_NEWTIME);
        _wanted.Write(seed.Tid);
    }

    /// <summary>The same for a process that is there already, and has waited for its memory meanwhile.</summary>
    public void EnterLate(OwnedThread seed, ProcessBuilder process)
    {
        if (_jump || !IsNamespaceNeeded())
            return;
        (_wanted, _moved) = Measure();
        Enter(seed);
        using Descriptor made = FileCalls.Open($"/proc/{seed.Tid}/ns/time_for_children", OpenFlags.O_RDONLY);
        process.EnterTimeNamespace(made);
    }

    /// <summary>Offsets for a process that had others than the command by which it was saved.</summary>
    public ClockOffsets Moved(ClockOffsets saved) =>
        _jump ? saved : new ClockOffsets(saved.Monotonic + _moved.Monotonic, saved.Boottime + _moved.Boottime);

    /// <summary>A time on a clock as the saving command saw it, as this command sees it.</summary>
    /// <param name="remaining">What was left until then.</param>
    public long Here(int clock, long time, long remaining) => clock switch
    {
        Clock.CLOCK_MONOTONIC when !_jump => time - _wanted.Monotonic + _ours.Monotonic,
        Clock.CLOCK_BOOTTIME when !_jump => time - _wanted.Boottime + _ours.Boottime,
        Clock.CLOCK_MONOTONIC or Clock.CLOCK_BOOTTIME => Clock.Now(clock) + remaining,
        _ => time,
    };

    private bool IsNamespaceNeeded() =>
        (_wanted.Monotonic != _ours.Monotonic || _wanted.Boottime != _ours.Boottime) && !_context.Tree.Processes.All(NamespaceAspect.HasTimeOfItsOwn);

    private static bool IsNamespacePossible(out string why)
    {
        why = !File.Exists("/proc/self/ns/time_for_children") ? "this kernel has none"
            : !Privileges.Has(Capability.CAP_SYS_ADMIN) || !Privileges.Has(Capability.CAP_SYS_TIME) ? "this command may not make one"
            : "";
        return why.Length == 0;
    }

    private static long Seconds(long ns) => ns / 1_000_000_000;
}
