using System.Runtime.InteropServices;

namespace ProcMigrate.Linux.Ptrace;

/// <summary>struct sock_filter: one instruction of classic BPF.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FilterInstruction
{
    public ushort code;
    public byte jt;
    public byte jf;
    public uint k;
}

/// <summary>struct seccomp_metadata: what is asked of one filter, and its flags.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SeccompMetadata
{
    public ulong filter_off;
    public ulong flags;
}

/// <summary>struct sock_fprog.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FilterProgram
{
    public ushort len;
    public ulong filter;
}

/// <summary>A seccomp filter of a thread.</summary>
/// <param name="Code">Its struct sock_filter array.</param>
/// <param name="Flags">SECCOMP_FILTER_FLAG_LOG; the kernel shows no other.</param>
public sealed record SeccompProgram(byte[] Code, uint Flags)
{
    /// <summary>The filters of a stopped thread, in the order in which they were installed. Wants CAP_SYS_ADMIN.</summary>
    public static unsafe IReadOnlyList<SeccompProgram> Of(int tid)
    {
        var programs = new List<SeccompProgram>();
        while (true)
        {
            long length = Tracer.TryRequest(PtraceRequest.PTRACE_SECCOMP_GET_FILTER, tid, programs.Count, 0);
            // The first number past the last filter.
            if (length == -Errno.ENOENT)
                return programs;
            RawSyscall.Check(length, "PTRACE_SECCOMP_GET_FILTER", $"thread {tid}");
            byte[] code = new byte[length * sizeof(FilterInstruction)];
            var metadata = new SeccompMetadata { filter_off = (ulong)programs.Count };
            fixed (byte* p = code)
            {
                RawSyscall.Check(
                    Tracer.TryRequest(PtraceRequest.PTRACE_SECCOMP_GET_FILTER, tid, programs.Count, (nint)p), "PTRACE_SECCOMP_GET_FILTER",
                    $"thread {tid}");
            }
            RawSyscall.Check(
                Tracer.TryRequest(PtraceRequest.PTRACE_SECCOMP_GET_METADATA, tid, sizeof(SeccompMetadata), (nint)(&metadata)),
                "PTRACE_SECCOMP_GET_METADATA", $"thread {tid}");
            programs.Add(new SeccompProgram(code, (uint)metadata.flags));
        }
    }
}
