using ProcMigrate.Engine.Host;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore.X64;

/// <summary>
/// Where this processor has more vector registers than the old one, the loader in a program would save them into room that is too small, over
/// what lies above on the stack. The room's size is a variable of the loader, which its own code names; it is set to what is needed here.
/// Larger than needed, as on the way back, it does no harm: the mask in that code says what is saved.
/// </summary>
internal sealed class LoaderSaveAreas
{
    private const ulong AT_MINSIGSTKSZ = 51;
    private const int SS_DISABLE = 2;

    // Of a variable that is one: glibc rounds it up to the alignment of the area, and tile registers are the largest component so far.
    private const ulong Alignment = 64;
    private const ulong Largest = 64 * 1024;

    // The registers and the header of the area: all that may have been written before the vector registers are.
    private const int Header = 576;

    private readonly List<(SaveSite Site, ulong Growth)> _grown = [];

    /// <summary>What stands against it, by the files: before anything is made.</summary>
    public static void Check(RestoreContext context)
    {
        if (IsSameProcessor(context))
            return;
        var seen = new HashSet<(int, ulong)>();
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            foreach (MappingRecord code in LoaderCode.Of(process).Where(c => seen.Add((c.ObjectId, c.ObjectOffset))))
            {
                if (SaveSites.Find(LoaderCode.FromFile(code, context), code.Start).Unknown is [var address, ..])
                    Report(Unknown(process, context.Object(code.ObjectId).Title, address), context);
            }
            WarnOfSmallStacks(process, context);
        }
    }

    /// <summary>Sets the sizes in a process whose memory is complete.</summary>
    public static LoaderSaveAreas Mend(ProcessRecord process, ProcessMemory memory, RestoreContext context)
    {
        var areas = new LoaderSaveAreas();
        if (IsSameProcessor(context))
            return areas;
        SaveAreaSize size = SaveAreaSize.Of(Here(context));
        foreach (MappingRecord code in LoaderCode.Of(process))
        {
            SaveSites sites = SaveSites.Find(memory.Read(new RemoteAddress(code.Start), (int)(code.End - code.Start)), code.Start);
            foreach (IGrouping<ulong, SaveSite> same in sites.Known.GroupBy(s => s.Variable))
            {
                // Which of them the program uses depends on its first processor, and its settings: the variable serves all.
                if (Grow(same.Key, same.Max(size.Room), memory) is { } growth)
                    areas._grown.AddRange(same.Select(s => (s, growth)));
                else if (!context.Options.Force)
                    throw Refusal(Unknown(process, context.Object(code.ObjectId).Title, same.First().Sub));
            }
        }
        return areas;
    }

    /// <summary>
    /// A thread that has made its room, and not filled it yet, has made it too small: it is given the difference. All that it does until then
    /// it does by its stack pointer.
    /// </summary>
    public UserRegisters Move(UserRegisters registers, ProcessMemory memory)
    {
        foreach ((SaveSite site, ulong growth) in _grown)
        {
            if (growth == 0 || !site.HasRoomAt(registers.rip))
                continue;
            byte[] written = memory.Read(new RemoteAddress(registers.rsp), site.Displacement + Header);
            memory.Write(new RemoteAddress(registers.rsp - growth), written);
            return registers with { rsp = registers.rsp - growth };
        }
        return registers;
    }

    /// <returns>By how much it grew; null where it is no size of such a room.</returns>
    private static ulong? Grow(ulong variable, ulong needed, ProcessMemory memory)
    {
        var address = new RemoteAddress(variable);
        ulong old = memory.Read<ulong>(address);
        if (old % Alignment != 0 || old > Largest)
            return null;
        // 0 on a processor without XSAVE: then the program uses other code.
        if (old == 0 || old >= needed)
            return 0;
        memory.Write(address, needed);
        return needed - old;
    }

    private static bool IsSameProcessor(RestoreContext context)
    {
        CpuRecord saved = context.Tree.Origin.Cpu, here = Here(context);
        return saved.Xcr0 == here.Xcr0 && saved.XsaveLayout.SequenceEqual(here.XsaveLayout);
    }

    private static CpuRecord Here(RestoreContext context) => context.Shared("cpu", CpuFacts.Read);

    /// <summary>A signal's frame holds the vector registers, too. Where it does not fit, the kernel ends the program at the signal.</summary>
    private static void WarnOfSmallStacks(ProcessRecord process, RestoreContext context)
    {
        ulong least = LoaderCode.AuxiliaryValue(FileCalls.ReadAll("/proc/self/auxv"), AT_MINSIGSTKSZ);
        foreach (ThreadRecord thread in process.Threads)
        {
            AlternateStackRecord stack = thread.AlternateStack;
            if ((stack.Flags & SS_DISABLE) == 0 && stack.Size > 0 && stack.Size < least)
            {
                context.WarnOnce(
                    $"thread {thread.Tid} has {stack.Size} bytes for its signal handlers (sigaltstack), and a signal takes up to {least} on this processor");
            }
        }
    }

    private static void Report(Blocker blocker, RestoreContext context)
    {
        if (context.Options.Force)
            context.WarnOnce($"{blocker.What}: {blocker.Why}");
        else
            context.Block(blocker);
    }

    private static EngineException Refusal(Blocker blocker) => new([blocker], $"{blocker.What}: {blocker.Why}. Nothing of the tree is left.");

    private static Blocker Unknown(ProcessRecord process, string file, ulong address) => new Blocker(
        "LoaderSaveArea", process.Pid, null, $"code at {address:x} of {file}",
        "it saves vector registers, of which this processor has others, and where it keeps how much room that takes is not known",
        "restore on a processor with the same vector registers, or take the risk with --force");
}
