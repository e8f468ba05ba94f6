using System.Runtime.InteropServices;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Inject;

/// <summary>
/// <see cref="PadCode"/> in a saved process, in bytes that nothing uses: the zeros between the end of the vdso's ELF file
/// and the end of its last page. Nothing of the program's own is written over, so nothing needs to be put back for it to
/// be unharmed; at the end the bytes become zero again all the same. A process that has unmapped its vdso has such bytes
/// behind the code of its program or of a library (<see cref="CodeTail"/>).
/// </summary>
internal sealed class LandingPad : IDisposable
{
    private readonly TracedProcess _process;

    private LandingPad(TracedProcess process, RemoteAddress address) => (_process, Address) = (process, address);

    public RemoteAddress Address { get; }

    /// <summary>Whether a thread is in it, and needs it to get back, with us or without.</summary>
    public bool InUse { get; set; }

    /// <returns>Null where a thread is still on its way back from a save that was killed; it needs a moment.</returns>
    public static LandingPad? Open(TracedProcess process, IReadOnlyList<MemoryMap> maps, out int busyThread)
    {
        busyThread = 0;
        if (maps.FirstOrDefault(m => m.Name == "[vdso]") is { } vdso)
        {
            byte[] content = process.Memory.Read(vdso.Start, (int)vdso.Length);
            return FindSlot(content) is { } slot
                ? OpenAt(process, maps, vdso.Start + (ulong)slot, content.AsSpan(slot), out busyThread)
                : throw new EngineException(
                    "NoPlaceForCode", FailureClass.Failed,
                    $"The vdso of process {process.Pid} has no {PadCode.Size} unused bytes at its end.");
        }
        foreach (MemoryMap map in maps)
        {
            if (CodeTail.Find(process.Pid, map) is not { } tail)
                continue;
            // Zeros alone, or a pad that was left: other bytes there may be a neighbour's, and the zeros behind them too.
            byte[] content = process.Memory.Read(tail, (int)(map.End - tail));
            if (UsedLength(content) == 0 && FindSlot(content) is { } slot)
                return OpenAt(process, maps, tail + (ulong)slot, content.AsSpan(slot), out busyThread);
        }
        throw new EngineException(
            [
                new Blocker(
                    "NoVdso", process.Pid, null, "no [vdso] mapping",
                    "the code that asks the process about itself is placed in the unused end of the vdso; this process has unmapped it, "
                    + "and has no unused bytes behind the code of its program and libraries either",
                    "none is known; the program or the kernel (vdso=0) has to keep its vdso"),
            ],
            $"Process {process.Pid} has no vdso.");
    }

    private static LandingPad? OpenAt(
        TracedProcess process, IReadOnlyList<MemoryMap> maps, RemoteAddress address, ReadOnlySpan<byte> slot, out int busyThread)
    {
        int? busy = AbandonedPad.NeededBy(process, maps, slot, address);
        busyThread = busy ?? 0;
        return busy is null ? new LandingPad(process, address) : null;
    }

    /// <summary>The vdso's content without pads, ours or those left by a save that was killed.</summary>
    public static byte[] Clean(byte[] vdso)
    {
        byte[] clean = [.. vdso];
        clean.AsSpan(UsedLength(vdso)).Clear();
        return clean;
    }

    /// <summary>Writes the code and the words that lead a thread back to where it stands.</summary>
    public void Arm(TracedThread thread, RemoteAddress scratch, ulong scratchLength)
    {
        UserRegisters back = InterruptedCall.Resolve(thread.Registers);
        Span<byte> pad = stackalloc byte[PadCode.Size];
        pad.Clear();
        PadCode.Code.CopyTo(pad);
        var words = new PadWords
        {
            Scratch = scratch.Value,
            NegatedScratch = 0 - scratch.Value,
            ScratchLength = scratchLength,
            SignalMask = thread.SignalMask,
            Rax = back.rax,
            Rcx = back.rcx,
            Rdx = back.rdx,
            Rsi = back.rsi,
            Rdi = back.rdi,
            R8 = back.r8,
            R9 = back.r9,
            R10 = back.r10,
            R11 = back.r11,
            Rip = back.rip,
            Tid = (ulong)thread.Tid,
            Rsp = back.rsp,
        };
        MemoryMarshal.Write(pad[PadCode.Words..], in words);
        _process.Memory.Write(Address, pad);
    }

    public void Dispose()
    {
        if (!InUse)
            _process.Memory.Write(Address, new byte[PadCode.Size]);
    }

    /// <summary>The end of the vdso, where nothing is but zeros or a pad.</summary>
    internal static int? FindSlot(byte[] content)
    {
        int slot = content.Length - PadCode.Size;
        return slot >= UsedLength(content) ? slot : null;
    }

    /// <summary>Length of the vdso without zeros and pads at its end.</summary>
    internal static int UsedLength(byte[] content)
    {
        int length = content.Length;
        while (length >= PadCode.Size && IsUnused(content.AsSpan(length - PadCode.Size, PadCode.Size)))
            length -= PadCode.Size;
        while (length > 0 && content[length - 1] == 0)
            length--;
        return length;
    }

    private static bool IsUnused(ReadOnlySpan<byte> slot) =>
        slot.IndexOfAnyExcept((byte)0) < 0 || slot.StartsWith(PadCode.Code);
}
