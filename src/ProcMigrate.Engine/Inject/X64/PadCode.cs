namespace ProcMigrate.Engine.Inject.X64;

/// <summary>
/// The code that a thread of a saved program runs while it makes a call for us, and the words behind it. Whatever
/// instruction the engine dies at, the rest of this code brings the thread back to where it was.
/// </summary>
/// <remarks>
/// Why not a signal frame and rt_sigreturn, which would do the same in one call: the kernel's rt_sigreturn cancels a
/// pending restart block (restore_sigcontext sets restart_block.fn to do_no_restart_syscall, arch/x86/kernel/signal.c),
/// so a nanosleep or poll that was interrupted would end early with EINTR; and the frame with its XSAVE area would need
/// stack below the red zone, which a Go or coroutine stack may not have. This code touches neither stack nor flags nor
/// vector registers: it compares by lea and jrcxz, and the syscall instruction itself keeps the flags.
/// </remarks>
internal static class PadCode
{
    /// <summary>Entry of the first call, which maps the scratch area: unless it did, the code does not unmap it.</summary>
    public const int First = 0x00;

    /// <summary>Entry of every later call.</summary>
    public const int Call = 0x11;

    /// <summary>Entry of the way out: unmap the scratch area, set the signal mask, load the registers, jump.</summary>
    public const int Unmap = 0x13;

    /// <summary>Where the instruction pointer stands in each of the calls: behind their syscall instructions.</summary>
    public const int AfterFirst = 0x02;
    public const int AfterCall = 0x13;
    public const int AfterUnmap = 0x28;
    public const int AfterMask = 0x46;

    /// <summary>Where the words begin: see <see cref="PadWords"/>.</summary>
    public const int Words = 0x90;

    public const int Size = 0x110;

    public static ReadOnlySpan<byte> Code =>
    [
        // first:
        0x0f, 0x05, // syscall
        0x48, 0x8b, 0x0d, 0x8f, 0x00, 0x00, 0x00, // mov rcx,[rip+0x8f] # 98 <negscratch>
        0x48, 0x8d, 0x0c, 0x01, // lea rcx,[rcx+rax*1]
        0xe3, 0x04, // jrcxz 13 <unmap>
        0xeb, 0x17, // jmp 28 <mask>
        // call:
        0x0f, 0x05, // syscall
        // unmap:
        0x48, 0x8b, 0x3d, 0x76, 0x00, 0x00, 0x00, // mov rdi,[rip+0x76] # 90 <data>
        0x48, 0x8b, 0x35, 0x7f, 0x00, 0x00, 0x00, // mov rsi,[rip+0x7f] # a0 <scratchlen>
        0xb8, 0x0b, 0x00, 0x00, 0x00, // mov eax,0xb
        0x0f, 0x05, // syscall
        // mask:
        0xbf, 0x02, 0x00, 0x00, 0x00, // mov edi,0x2
        0x48, 0x8d, 0x35, 0x74, 0x00, 0x00, 0x00, // lea rsi,[rip+0x74] # a8 <sigmask>
        0xba, 0x00, 0x00, 0x00, 0x00, // mov edx,0x0
        0x41, 0xba, 0x08, 0x00, 0x00, 0x00, // mov r10d,0x8
        0xb8, 0x0e, 0x00, 0x00, 0x00, // mov eax,0xe
        0x0f, 0x05, // syscall
        // leave:
        0x48, 0x8b, 0x05, 0x63, 0x00, 0x00, 0x00, // mov rax,[rip+0x63] # b0 <v_rax>
        0x48, 0x8b, 0x0d, 0x64, 0x00, 0x00, 0x00, // mov rcx,[rip+0x64] # b8 <v_rcx>
        0x48, 0x8b, 0x15, 0x65, 0x00, 0x00, 0x00, // mov rdx,[rip+0x65] # c0 <v_rdx>
        0x48, 0x8b, 0x35, 0x66, 0x00, 0x00, 0x00, // mov rsi,[rip+0x66] # c8 <v_rsi>
        0x48, 0x8b, 0x3d, 0x67, 0x00, 0x00, 0x00, // mov rdi,[rip+0x67] # d0 <v_rdi>
        0x4c, 0x8b, 0x05, 0x68, 0x00, 0x00, 0x00, // mov r8,[rip+0x68] # d8 <v_r8>
        0x4c, 0x8b, 0x0d, 0x69, 0x00, 0x00, 0x00, // mov r9,[rip+0x69] # e0 <v_r9>
        0x4c, 0x8b, 0x15, 0x6a, 0x00, 0x00, 0x00, // mov r10,[rip+0x6a] # e8 <v_r10>
        0x4c, 0x8b, 0x1d, 0x6b, 0x00, 0x00, 0x00, // mov r11,[rip+0x6b] # f0 <v_r11>
        0xff, 0x25, 0x6d, 0x00, 0x00, 0x00, // jmp [rip+0x6d] # f8 <v_rip>
        0x0f, 0x1f, 0x44, 0x00, 0x00, // {disp8} nop DWORD PTR [rax+rax*1+0x0] (aligns the words)
    ];
}
