using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Core;

/// <summary>struct elf_prstatus of x86-64: the descriptor of NT_PRSTATUS, 336 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ElfProcessStatus
{
    public int SignalNumber;
    public int SignalCode;
    public int SignalErrno;
    public short CurrentSignal;
    public ulong PendingSignals;
    public ulong HeldSignals;
    public int Pid;
    public int ParentPid;
    public int GroupId;
    public int SessionId;
    public ElfTimeValue UserTime;
    public ElfTimeValue SystemTime;
    public ElfTimeValue ChildrenUserTime;
    public ElfTimeValue ChildrenSystemTime;
    public ElfRegisters Registers;
    public int FloatingPointValid;
}

/// <summary>struct timeval.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ElfTimeValue
{
    public long Seconds;
    public long Microseconds;
}

/// <summary>elf_gregset_t: 27 words in the order of struct user_regs_struct.</summary>
[InlineArray(Count)]
internal struct ElfRegisters
{
    public const int Count = 27;
    private ulong first;
}
