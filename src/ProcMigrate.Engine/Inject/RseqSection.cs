using System.Runtime.InteropServices;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Inject;

/// <summary>struct rseq_cs (linux/rseq.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RseqCriticalSection
{
    public uint version;
    public uint flags;
    public ulong start_ip;
    public ulong post_commit_offset;
    public ulong abort_ip;
}

/// <summary>
/// A thread inside a restartable sequence must not go on in its middle on another CPU. The kernel sends it to the abort
/// handler at its next return to user mode; but that sees it in our code then, outside of the sequence, and forgets the
/// sequence. And a restored thread is a new one to the kernel. So it is sent there here, before it makes a call for us.
/// </summary>
internal static class RseqSection
{
    // Offset of rseq_cs in struct rseq.
    private const ulong CriticalSectionOffset = 8;

    public static void Leave(TracedProcess process, TracedThread thread)
    {
        if (Tracer.GetRseq(thread.Tid) is not { } rseq)
            return;
        ulong section = process.Memory.Read<ulong>(new RemoteAddress(rseq.rseq_abi_pointer + CriticalSectionOffset));
        if (section == 0)
            return;
        RseqCriticalSection bounds = process.Memory.Read<RseqCriticalSection>(new RemoteAddress(section));
        if (thread.Registers.rip - bounds.start_ip < bounds.post_commit_offset)
            thread.GoOnAt(new RemoteAddress(bounds.abort_ip));
    }
}
