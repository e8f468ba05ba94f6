using System.Runtime.InteropServices;

namespace ProcMigrate.Linux.Ptrace;

/// <summary>struct ptrace_peeksiginfo_args.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PeekSigInfoArgs
{
    public ulong off;
    public uint flags;
    public int nr;

    public const uint PTRACE_PEEKSIGINFO_SHARED = 1;
}

/// <summary>struct ptrace_rseq_configuration.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct RseqConfiguration
{
    public ulong rseq_abi_pointer;
    public uint rseq_abi_size;
    public uint signature;
    public uint flags;
    public uint pad;
}

/// <summary>struct ptrace_sud_config: syscall user dispatch.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SyscallUserDispatchConfig
{
    public ulong mode;
    public ulong selector;
    public ulong offset;
    public ulong len;
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IoVector
{
    public ulong iov_base;
    public ulong iov_len;
}
