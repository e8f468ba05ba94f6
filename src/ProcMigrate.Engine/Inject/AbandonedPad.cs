using System.Globalization;
using System.Runtime.InteropServices;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Inject;

/// <summary>
/// A pad that a killed save has left, and whether its thread still needs it. As long as one does, the process must be let run on: a
/// second pad would have to lead back into the first, and an image would hold a thread in code that it does not hold.
/// </summary>
/// <remarks>
/// A thread needs its pad in two ways:
/// 1. it is in it;
/// 2. it is in a signal handler that returns to it. All signals are blocked for the length of a scope; when the thread puts its mask
///    back on its way out, what came meanwhile is delivered there, with the pad's address in the signal frame.
/// Frames of handlers that have returned stay in memory, but below the stack pointer.
/// </remarks>
internal static class AbandonedPad
{
    // The frame lies below the stack pointer that the thread had in the pad: red zone, frame and XSAVE area, some 11 KiB with AMX.
    private const int LargestFrame = 0x8000;

    // Or on an alternate stack, on which the handler then still is.
    private const int LargestDistance = 0x100000;

    // struct sigcontext, arch/x86/include/uapi/asm/sigcontext.h: rsp, rip, eflags, then cs in the low 16 bits.
    private const int FrameWords = 4;
    private const ulong UserCodeSegment = 0x33;

    /// <returns>The thread that needs the pad in this slot of the vdso; null where the slot is free.</returns>
    public static int? NeededBy(TracedProcess process, IReadOnlyList<MemoryMap> maps, ReadOnlySpan<byte> slot, RemoteAddress address)
    {
        if (!slot.StartsWith(PadCode.Code))
            return null;
        PadWords words = MemoryMarshal.Read<PadWords>(slot[PadCode.Words..]);
        foreach ((int tid, ulong rip, ulong rsp) in Places(process, (int)words.Tid))
        {
            if (rip - address.Value < PadCode.Size || ReturnsTo(process, maps, rsp, words.Rsp, address))
                return tid;
        }
        return null;
    }

    /// <summary>
    /// Where threads stand: those of the process (the pad's thread may have forked in a handler), and the pad's own, which belongs to
    /// another process where several share an address space.
    /// </summary>
    private static IEnumerable<(int Tid, ulong Rip, ulong Rsp)> Places(TracedProcess process, int owner)
    {
        foreach (TracedThread thread in process.Threads)
            yield return (thread.Tid, thread.Registers.rip, thread.Registers.rsp);
        if (process.Threads.All(t => t.Tid != owner) && ReadPlace(owner) is { } words)
            yield return (owner, Number(words[^1]), Number(words[^2]));
    }

    /// <summary>proc_pid_syscall(5): … and at last the stack pointer and the program counter. Null where the thread is gone.</summary>
    private static string[]? ReadPlace(int tid)
    {
        try
        {
            string[] words = FileCalls.ReadText($"/proc/{tid}/syscall").Trim().Split(' ');
            return words.Length < 3 ? null : words;
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            return null;
        }
    }

    private static ulong Number(string text) => ulong.Parse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static bool ReturnsTo(
        TracedProcess process, IReadOnlyList<MemoryMap> maps, ulong now, ulong then, RemoteAddress pad) =>
        (now < then && HoldsFrame(process, maps, Math.Max(now, then - LargestFrame), then, then, pad))
        || HoldsFrame(process, maps, now, now + LargestDistance, then, pad);

    private static bool HoldsFrame(
        TracedProcess process, IReadOnlyList<MemoryMap> maps, ulong start, ulong end, ulong stackPointer, RemoteAddress pad)
    {
        start &= ~7UL;
        if (maps.FirstOrDefault(m => m.Start.Value <= start && start < m.End.Value) is not { } stack)
            return false;
        byte[] bytes = process.Memory.Read(new RemoteAddress(start), (int)(Math.Min(end, stack.End.Value) - start) & ~7);
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        for (int i = 0; i + FrameWords <= words.Length; i++)
        {
            if (words[i] == stackPointer && words[i + 1] - pad.Value < PadCode.Size && (words[i + 3] & 0xffff) == UserCodeSegment)
                return true;
        }
        return false;
    }
}
