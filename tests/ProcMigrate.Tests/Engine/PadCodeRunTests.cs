using System.Globalization;
using System.Runtime.InteropServices;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Tests.Image;
using ProcMigrate.Tests.Linux;

namespace ProcMigrate.Tests.Engine;

/// <summary>
/// The way back of a thread whose saver has died: the pad's code is run to its end in a program that nobody traces, from each
/// entry, with a stack pointer that leads nowhere. Whatever registers, flags, signal mask and memory were, they must be again.
/// </summary>
public sealed class PadCodeRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    // The first call maps the scratch area, so it must be gone afterwards; so must one that was mapped before.
    [InlineData("first", PadCode.First, "free", "gone")]
    [InlineData("call", PadCode.Call, "mapped", "gone")]
    [InlineData("unmap", PadCode.Unmap, "mapped", "gone")]
    // The first call fails where the program has got memory there meanwhile: that must not be unmapped.
    [InlineData("first", PadCode.First, "mapped", "kept")]
    public void ToTheEnd_FromEachEntry(string entry, int offset, string before, string after)
    {
        string program = CProgram.Compile(
            _folder, ["-no-pie"], ("main.c", Harness()), ("enter.s", Entry));
        Tool.Result result = Tool.Run(program, offset.ToString(CultureInfo.InvariantCulture), before, after);
        Assert.True(result.ExitCode == 0, $"{entry}, ended with {result.ExitCode}: {result.Output}{result.Error}");
        Assert.Equal("all as before\n", result.Output);
    }

    private static string Harness()
    {
        string bytes = string.Join(", ", PadCode.Code.ToArray());
        string words = string.Join(", ", Enum.GetNames<Word>().Select(w => $"w_{w} = {Marshal.OffsetOf<PadWords>(w) / 8}"));
        return $"#define PAD_WORDS {PadCode.Words}\nstatic const unsigned char pad[] = {{ {bytes} }};\nenum {{ {words} }};\n" + Main;
    }

    private enum Word
    {
        Scratch, NegatedScratch, ScratchLength, SignalMask, Rax, Rcx, Rdx, Rsi, Rdi, R8, R9, R10, R11, Rip,
    }

    private const string Main = """
        #define _GNU_SOURCE
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15, FLAGS, TARGET };
        extern unsigned long seen[17];
        extern void enter(unsigned long *registers), landing(void);
        static const char *names[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
            "r12", "r13", "r14", "r15", "flags" };
        #define SCRATCH 0x123450000ul
        #define LENGTH 0x10000ul
        #define MASK 0x5a00ul

        static int mapped(void)
        {
            unsigned char there;
            return mincore((void *)SCRATCH, 4096, &there) == 0;
        }

        int main(int argc, char **argv)
        {
            unsigned long *words, registers[18], expected[17], all = ~0ul, mask = 0;
            int wrong = 0;
            char *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            memcpy(code, pad, sizeof pad);
            words = (unsigned long *)(code + PAD_WORDS);
            if (!strcmp(argv[2], "mapped"))
                mmap((void *)SCRATCH, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            for (int i = 0; i < 17; i++)
                expected[i] = 0x1111111111111111ul * (i + 1) ^ 0x8000000000000000ul;
            /* Nothing is mapped at the top of the stack: whoever pushes dies. Flags: carry, parity, adjust, zero, sign,
               direction, overflow. */
            expected[RSP] = 0x10;
            expected[FLAGS] = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x400 | 0x800 | 0x202;
            memcpy(registers, expected, sizeof expected);
            words[w_Scratch] = SCRATCH, words[w_NegatedScratch] = -SCRATCH, words[w_ScratchLength] = LENGTH;
            words[w_SignalMask] = MASK;
            words[w_Rax] = expected[RAX], words[w_Rcx] = expected[RCX], words[w_Rdx] = expected[RDX];
            words[w_Rsi] = expected[RSI], words[w_Rdi] = expected[RDI], words[w_R8] = expected[R8];
            words[w_R9] = expected[R9], words[w_R10] = expected[R10], words[w_R11] = expected[R11];
            words[w_Rip] = (unsigned long)landing;
            registers[TARGET] = (unsigned long)code + atoi(argv[1]);
            /* As the engine leaves them while it makes calls: the first one maps, a later one does anything. */
            registers[RAX] = atoi(argv[1]) == 0 ? SYS_mmap : SYS_getpid;
            registers[RDI] = SCRATCH, registers[RSI] = LENGTH, registers[RDX] = PROT_READ | PROT_WRITE;
            registers[R10] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, registers[R8] = -1, registers[R9] = 0;
            registers[RCX] = registers[R11] = 0xbad;
            syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
            enter(registers);
            syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, &mask, 8);
            for (int i = 0; i < 17; i++)
                if (seen[i] != expected[i])
                    printf("%s is %lx, not %lx\n", names[i], seen[i], expected[i]), wrong++;
            if (mask != MASK)
                printf("the signal mask is %lx, not %lx\n", mask, MASK), wrong++;
            if (mapped() != !strcmp(argv[3], "kept"))
                printf("the scratch area is %s\n", mapped() ? "still there" : "gone"), wrong++;
            if (!wrong)
                puts("all as before");
            return wrong != 0;
        }
        """;

    /// <summary>enter(words): loads all registers and the flags and jumps; landing: notes them all and returns to the caller.</summary>
    private const string Entry = """
        .intel_syntax noprefix
        .text
        .globl enter
        enter:
            push rbx; push rbp; push r12; push r13; push r14; push r15
            pushfq
            mov [rip+kept_rsp], rsp
            mov rax, [rdi+17*8]
            mov [rip+target], rax
            push QWORD PTR [rdi+16*8]
            mov rax, [rdi]
            mov rbx, [rdi+1*8]
            mov rcx, [rdi+2*8]
            mov rdx, [rdi+3*8]
            mov rsi, [rdi+4*8]
            mov rbp, [rdi+6*8]
            mov r8, [rdi+8*8]
            mov r9, [rdi+9*8]
            mov r10, [rdi+10*8]
            mov r11, [rdi+11*8]
            mov r12, [rdi+12*8]
            mov r13, [rdi+13*8]
            mov r14, [rdi+14*8]
            mov r15, [rdi+15*8]
            popfq
            mov rsp, [rdi+7*8]
            mov rdi, [rdi+5*8]
            jmp [rip+target]
        .globl landing
        landing:
            mov [rip+seen], rax
            mov [rip+seen+1*8], rbx
            mov [rip+seen+2*8], rcx
            mov [rip+seen+3*8], rdx
            mov [rip+seen+4*8], rsi
            mov [rip+seen+5*8], rdi
            mov [rip+seen+6*8], rbp
            mov [rip+seen+7*8], rsp
            mov [rip+seen+8*8], r8
            mov [rip+seen+9*8], r9
            mov [rip+seen+10*8], r10
            mov [rip+seen+11*8], r11
            mov [rip+seen+12*8], r12
            mov [rip+seen+13*8], r13
            mov [rip+seen+14*8], r14
            mov [rip+seen+15*8], r15
            mov rsp, [rip+kept_rsp]
            pushfq
            pop QWORD PTR [rip+seen+16*8]
            popfq
            pop r15; pop r14; pop r13; pop r12; pop rbp; pop rbx
            ret
        .bss
        .globl seen
        seen: .skip 17*8
        kept_rsp: .skip 8
        target: .skip 8
        .section .note.GNU-stack,"",@progbits

        """;
}
