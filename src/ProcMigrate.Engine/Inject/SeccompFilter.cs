using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Inject;

/// <summary>
/// Works out what a seccomp filter would say to a system call: an interpreter of the part of classic BPF that seccomp(2)
/// accepts (seccomp_check_filter in kernel/seccomp.c).
/// </summary>
internal sealed class SeccompFilter(byte[] code)
{
    /// <summary>What a filter answers (linux/seccomp.h), the most severe the lowest when read as signed.</summary>
    public const uint SECCOMP_RET_KILL_PROCESS = 0x80000000;
    public const uint SECCOMP_RET_ERRNO = 0x00050000;
    public const uint SECCOMP_RET_USER_NOTIF = 0x7fc00000;
    public const uint SECCOMP_RET_LOG = 0x7ffc0000;
    public const uint SECCOMP_RET_ALLOW = 0x7fff0000;

    private const uint ActionMask = 0xffff0000;
    private const uint AUDIT_ARCH_X86_64 = 0xc000003e;
    private const int DataLength = 64;
    private const int MemoryWords = 16;

    // Instruction classes (linux/bpf_common.h).
    private const int BPF_LD = 0, BPF_LDX = 1, BPF_ST = 2, BPF_STX = 3, BPF_ALU = 4, BPF_JMP = 5, BPF_RET = 6, BPF_MISC = 7;

    /// <summary>The answer of several filters together: the most severe one, as the kernel takes it.</summary>
    public static uint Answer(IEnumerable<SeccompFilter> filters, SyscallNumber number, ulong instruction, ReadOnlySpan<ulong> arguments)
    {
        byte[] data = Describe(number, instruction, arguments);
        uint worst = SECCOMP_RET_ALLOW;
        foreach (SeccompFilter filter in filters)
        {
            uint answer = filter.Run(data);
            if ((int)(answer & ActionMask) < (int)(worst & ActionMask))
                worst = answer;
        }
        return worst & ActionMask;
    }

    /// <summary>Whether the filter can hand a call to a supervisor (SECCOMP_RET_USER_NOTIF).</summary>
    public bool AsksSupervisor()
    {
        foreach (FilterInstruction i in Instructions)
        {
            if ((i.code & 7) == BPF_RET && (i.code & 0x18) == 0 && (i.k & ActionMask) == SECCOMP_RET_USER_NOTIF)
                return true;
        }
        return false;
    }

    private ReadOnlySpan<FilterInstruction> Instructions => MemoryMarshal.Cast<byte, FilterInstruction>(code);

    /// <summary>struct seccomp_data.</summary>
    private static byte[] Describe(SyscallNumber number, ulong instruction, ReadOnlySpan<ulong> arguments)
    {
        byte[] data = new byte[DataLength];
        BinaryPrimitives.WriteInt32LittleEndian(data, (int)number);
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(4), AUDIT_ARCH_X86_64);
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8), instruction);
        for (int i = 0; i < arguments.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(16 + i * 8), arguments[i]);
        return data;
    }

    /// <summary>A program that is none, which the kernel would not have taken, answers the most severe.</summary>
    private uint Run(ReadOnlySpan<byte> data)
    {
        Span<uint> memory = stackalloc uint[MemoryWords];
        memory.Clear();
        ReadOnlySpan<FilterInstruction> program = Instructions;
        uint a = 0, x = 0;
        // Jumps go forward only, so this ends.
        for (int pc = 0; pc < program.Length; pc++)
        {
            FilterInstruction i = program[pc];
            switch (i.code & 7)
            {
                case BPF_LD:
                    a = Load(i, data, memory);
                    break;
                case BPF_LDX:
                    x = Load(i, data, memory);
                    break;
                case BPF_ST:
                    memory[(int)i.k & (MemoryWords - 1)] = a;
                    break;
                case BPF_STX:
                    memory[(int)i.k & (MemoryWords - 1)] = x;
                    break;
                case BPF_ALU:
                    a = Compute(i.code & 0xf0, a, (i.code & 8) == 0 ? i.k : x);
                    break;
                case BPF_JMP:
                    pc += (i.code & 0xf0) == 0 ? (int)i.k : Test(i.code & 0xf0, a, (i.code & 8) == 0 ? i.k : x) ? i.jt : i.jf;
                    break;
                case BPF_RET:
                    return (i.code & 0x18) == 0x10 ? a : i.k;
                case BPF_MISC:
                    if ((i.code & 0x80) == 0)
                        x = a;
                    else
                        a = x;
                    break;
            }
        }
        return SECCOMP_RET_KILL_PROCESS;
    }

    private static uint Load(in FilterInstruction i, ReadOnlySpan<byte> data, ReadOnlySpan<uint> memory)
    {
        const int BPF_IMM = 0x00, BPF_ABS = 0x20, BPF_MEM = 0x60, BPF_LEN = 0x80;
        return (i.code & 0xe0) switch
        {
            BPF_IMM => i.k,
            BPF_ABS when i.k <= DataLength - 4 => BinaryPrimitives.ReadUInt32LittleEndian(data[(int)i.k..]),
            BPF_MEM => memory[(int)i.k & (MemoryWords - 1)],
            BPF_LEN => DataLength,
            _ => 0,
        };
    }

    private static uint Compute(int operation, uint a, uint b) => operation switch
    {
        0x00 => a + b,
        0x10 => a - b,
        0x20 => a * b,
        0x30 => b == 0 ? 0 : a / b,
        0x40 => a | b,
        0x50 => a & b,
        0x60 => b < 32 ? a << (int)b : 0,
        0x70 => b < 32 ? a >> (int)b : 0,
        0x80 => 0 - a,
        0xa0 => a ^ b,
        _ => a,
    };

    private static bool Test(int operation, uint a, uint b) => operation switch
    {
        0x10 => a == b,
        0x20 => a > b,
        0x30 => a >= b,
        _ => (a & b) != 0,
    };
}
