using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Programs know the addresses of the vdso's functions from their start. Where this kernel's vdso is another, its pages go to a free
/// place of the address space, together, since the code finds the data (vvar) relative to itself. At the old place stays the old code
/// as plain memory, a stand-in, whose entry points lead to the new one (<see cref="VdsoRedirection"/>). When a tree comes back to a
/// kernel whose stand-in it carries, that kernel's pages take their first place again; so a tree that wanders carries each kernel's
/// code once.
/// </summary>
internal sealed class VdsoTranslation
{
    // What a kernel maps is two or three pages; what is larger is no stand-in.
    private const ulong LargestVdso = 0x10000;
    private const ulong EndOfUserSpace = 0x7fff_ffff_e000;

    // As far as signal frames are looked for: a handler that was called in the vdso returns into it.
    private const ulong StackSearched = 0x100000;
    private const ulong UserCodeSegment = 0x33;

    private readonly RestoreContext _context;
    private readonly List<MemoryMap> _hostPages;
    private readonly MemoryMap _host;

    // How far the pages of this kernel reach before and behind the beginning of its vdso.
    private readonly ulong _before;
    private readonly ulong _behind;
    private readonly byte[] _hostCode;
    private readonly VdsoElf? _hostElf;

    private VdsoTranslation(RestoreContext context, List<MemoryMap> hostPages, MemoryMap host)
    {
        (_context, _hostPages, _host) = (context, hostPages, host);
        // In the order of their addresses.
        _before = host.Start.Value - hostPages[0].Start.Value;
        _behind = hostPages[^1].End.Value - host.Start.Value;
        using ProcessMemory memory = ProcessMemory.Open(Environment.ProcessId);
        _hostCode = LandingPad.Clean(memory.Read(host.Start, (int)host.Length));
        _hostElf = VdsoElf.Parse(_hostCode);
    }

    /// <summary>Gives every process of the tree the kernel pages of this host, or reports why that cannot be.</summary>
    public static void Apply(RestoreContext context)
    {
        List<MemoryMap> pages = MemoryMap.ReadMaps(Environment.ProcessId).FindAll(m => m.Name is "[vdso]" or "[vvar]" or "[vvar_vclock]");
        if (pages.Find(m => m.Name == "[vdso]") is not { } vdso)
        {
            foreach (ProcessRecord process in context.Tree.Processes)
            {
                if (VdsoOf(process) is not null)
                    Block(context, process, "this kernel maps none (vdso=0)", "start the kernel without vdso=0");
            }
            return;
        }
        var translation = new VdsoTranslation(context, pages, vdso);
        var processes = new List<ProcessRecord>();
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            ProcessRecord? owner = (process.SharedWithParent & (int)CloneArguments.CLONE_VM) == 0 ? null : processes.Find(p => p.Pid == process.ParentPid);
            processes.Add(owner is null ? translation.Translate(process) : process with { Mappings = owner.Mappings });
        }
        context.Tree = context.Tree with { Processes = processes };
    }

    private static MappingRecord? VdsoOf(ProcessRecord process) => process.Mappings.FirstOrDefault(m => m.Backing == MappingBacking.Vdso);

    private ProcessRecord Translate(ProcessRecord process)
    {
        if (VdsoOf(process) is not { } vdso)
            return process;
        byte[] old = Stored(process.Pid, vdso);
        if (old.AsSpan().SequenceEqual(_hostCode) && HasHostPagesAt(process, vdso.Start))
            return process;
        List<StandIn> standIns = FindStandIns(process);
        if (_hostElf is null || VdsoElf.Parse(old) is not { } elf)
        {
            Block(_context, process, "its entry points cannot be told", "restore on a host with the same kernel");
            return process;
        }
        standIns.Add(new StandIn(vdso, elf));
        return LeavesKernelCode(process, vdso, elf) is { } thread
            ? Refuse(process, $"thread {thread} stands in the middle of a function of it")
            : Place(process, vdso, standIns);
    }

    private ProcessRecord Refuse(ProcessRecord process, string why)
    {
        Block(_context, process, why, "restore on a host with the same kernel, or save the program once more");
        return process;
    }

    private ProcessRecord Place(ProcessRecord process, MappingRecord vdso, List<StandIn> standIns)
    {
        List<MappingRecord> others = [.. process.Mappings];
        others.RemoveAll(m => m.Backing is MappingBacking.Vdso or MappingBacking.Vvar);
        ulong place = 0;
        // Among those from earlier restores may be this very kernel's.
        StandIn? home = standIns.Find(s => s.Mapping != vdso && s.Elf.SameBut(_hostCode) && Fits(others, s.Mapping));
        if (home is not null)
        {
            place = home.Mapping.Start;
            standIns.Remove(home);
            others.Remove(home.Mapping);
        }
        others.Add(vdso with
        {
            Backing = MappingBacking.Anonymous,
            Name = null,
            VmFlags = [],
        });
        others.Sort((a, b) => a.Start.CompareTo(b.Start));
        if (home is null)
            place = FreePlace(others, vdso);
        foreach (MemoryMap page in _hostPages)
            others.Add(AsRecord(page, place));
        others.Sort((a, b) => a.Start.CompareTo(b.Start));
        List<CodePatch> patches = _context.PatchesOf(process.Pid);
        foreach (StandIn standIn in standIns)
            Redirect(standIn, place, patches);
        return process with { Mappings = others, Threads = [.. process.Threads.Select(t => BeforeRedirection(t, standIns, home))] };
    }

    private void Redirect(StandIn standIn, ulong vdso, List<CodePatch> patches)
    {
        foreach ((string name, int offset) in standIn.Elf.Entries)
        {
            patches.Add(new CodePatch(
                standIn.Mapping.Start + (ulong)offset,
                _hostElf!.Entries.TryGetValue(name, out int target) ? VdsoRedirection.To(vdso + (ulong)target) : VdsoRedirection.ToSystemCall(name)));
        }
    }

    private MappingRecord AsRecord(MemoryMap page, ulong vdso) => new()
    {
        Start = vdso + page.Start.Value - _host.Start.Value,
        End = vdso + page.End.Value - _host.Start.Value,
        Protection = page.Protection,
        Shared = false,
        Backing = page.Name == "[vdso]" ? MappingBacking.Vdso : MappingBacking.Vvar,
        Name = page.Name,
        VmFlags = [],
    };

    private bool HasHostPagesAt(ProcessRecord process, ulong vdso)
    {
        foreach (MemoryMap page in _hostPages)
        {
            MappingRecord wanted = AsRecord(page, vdso);
            if (!process.Mappings.Any(m => m.Name == wanted.Name && m.Start == wanted.Start && m.End == wanted.End))
                return false;
        }
        return true;
    }

    /// <summary>Whether the host's pages have room where this stand-in is.</summary>
    private bool Fits(List<MappingRecord> others, MappingRecord standIn)
    {
        ulong start = standIn.Start - _before, end = standIn.Start + _behind;
        return standIn.End - standIn.Start == _host.Length && others.TrueForAll(m => m == standIn || m.End <= start || m.Start >= end);
    }

    /// <summary>Address for the vdso: above the old one, where kernels put theirs, as near as there is room for all its pages.</summary>
    private ulong FreePlace(List<MappingRecord> others, MappingRecord old)
    {
        ulong length = _before + _behind;
        // A page apart, so that none grows together with another.
        ulong candidate = old.End + PageSize.Bytes;
        foreach (MappingRecord mapping in others)
        {
            if (mapping.End > candidate && mapping.Start < candidate + length + PageSize.Bytes)
                candidate = mapping.End + PageSize.Bytes;
        }
        return candidate + length < EndOfUserSpace
            ? candidate + _before
            : ScratchPlace.Find(others.Select(m => new AddressRange(m.Start, m.End)), length).Value + _before;
    }

    private List<StandIn> FindStandIns(ProcessRecord process)
    {
        var found = new List<StandIn>();
        foreach (MappingRecord m in process.Mappings)
        {
            bool code = m.Backing == MappingBacking.Anonymous && m.Protection == 5 && m.Name is null && m.End - m.Start <= LargestVdso;
            if (code && VdsoElf.Parse(Stored(process.Pid, m)) is { } elf && elf.IsRedirected())
                found.Add(new StandIn(m, elf));
        }
        return found;
    }

    /// <summary>A redirection is three instructions that change nothing but a free register: a thread within goes through it again.</summary>
    private static ThreadRecord BeforeRedirection(ThreadRecord thread, List<StandIn> standIns, StandIn? home)
    {
        UserRegisters registers = UserRegisters.FromBytes(thread.Registers);
        foreach (StandIn standIn in home is null ? standIns : [.. standIns, home])
        {
            foreach (int offset in standIn.Elf.Entries.Values)
            {
                ulong entry = standIn.Mapping.Start + (ulong)offset;
                if (registers.rip > entry && registers.rip - entry < VdsoElf.RedirectionLength)
                    return thread with { Registers = (registers with { rip = entry }).ToBytes() };
            }
        }
        return thread;
    }

    /// <returns>A thread that has yet to leave the old code: it stands in it, or in a signal handler that was called there.</returns>
    private int? LeavesKernelCode(ProcessRecord process, MappingRecord vdso, VdsoElf elf)
    {
        foreach (ThreadRecord thread in process.Threads)
        {
            UserRegisters registers = UserRegisters.FromBytes(thread.Registers);
            if (Within(vdso, registers.rip) && !elf.IsEntry((int)(registers.rip - vdso.Start)))
                return thread.Tid;
            if (process.Mappings.FirstOrDefault(m => m.Start <= registers.rsp && registers.rsp < m.End) is { } stack
                && ReturnsInto(vdso, process.Pid, stack with { Start = registers.rsp & ~7UL, End = Math.Min(stack.End, (registers.rsp & ~7UL) + StackSearched) }))
                return thread.Tid;
        }
        return null;
    }

    private bool ReturnsInto(MappingRecord vdso, int pid, MappingRecord stack)
    {
        // struct sigcontext: rip, eflags, then cs in the low 16 bits.
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(Stored(pid, stack));
        for (int i = 0; i + 2 < words.Length; i++)
        {
            if (Within(vdso, words[i]) && (words[i + 2] & 0xffff) == UserCodeSegment)
                return true;
        }
        return false;
    }

    private static bool Within(MappingRecord vdso, ulong address) => address >= vdso.Start && address < vdso.End;

    /// <summary>What the image holds of a piece of memory; zeros where it holds nothing.</summary>
    private byte[] Stored(int pid, MappingRecord piece)
    {
        byte[] content = new byte[piece.End - piece.Start];
        foreach (MemoryExtent extent in _context.Image.MemoryOf(pid))
        {
            ulong start = Math.Max(extent.Address, piece.Start), end = Math.Min(extent.Address + (ulong)extent.RawLength, piece.End);
            if (start >= end)
                continue;
            Span<byte> part = content.AsSpan((int)(start - piece.Start), (int)(end - start));
            _context.Image.ReadPart(extent, (long)(start - extent.Address), part);
        }
        return content;
    }

    private static void Block(RestoreContext context, ProcessRecord process, string why, string remedy) => context.Block(new Blocker(
        "VdsoDiffers", process.Pid, null, $"vdso of kernel {context.Tree.Origin.KernelRelease}",
        $"the code that the kernel maps into every program is another here, and {why}", remedy));

    /// <summary>Old code of a kernel, and what is in it.</summary>
    private sealed class StandIn(MappingRecord mapping, VdsoElf elf)
    {
        public MappingRecord Mapping { get; } = mapping;
        public VdsoElf Elf { get; } = elf;
    }
}
