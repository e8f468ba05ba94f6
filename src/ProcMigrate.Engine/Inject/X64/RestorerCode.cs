namespace ProcMigrate.Engine.Inject.X64;

/// <summary>
/// The code that a process being restored runs until its own is in place. It belongs to us alone (it dies with the engine,
/// PTRACE_O_EXITKILL), so unlike <see cref="PadCode"/> it may end in int3.
/// </summary>
internal static class RestorerCode
{
    /// <summary>One system call with the registers as set, then a trap.</summary>
    public const int Call = 0x00;

    /// <summary>rbp calls from the table at rbx (see CallTable), then a trap; a failed call traps at once.</summary>
    public const int Table = 0x03;

    /// <summary>
    /// Entry of the seed: it reads from the channel until it is seized. If the engine dies before that, the channel
    /// closes, the read returns and the seed exits: no orphan.
    /// </summary>
    public const int Seed = 0x3c;

    /// <summary>The descriptor that the seed inherits its end of the channel as.</summary>
    public const int ChannelFd = 100;

    public static ReadOnlySpan<byte> Code =>
    [
        // call:
        0x0f, 0x05, // syscall
        0xcc, // int3
        // table:
        0x48, 0x85, 0xed, // test rbp,rbp
        0x74, 0x32, // je 3a <table+0x37>
        0x48, 0x8b, 0x03, // mov rax,[rbx]
        0x48, 0x8b, 0x7b, 0x08, // mov rdi,[rbx+0x8]
        0x48, 0x8b, 0x73, 0x10, // mov rsi,[rbx+0x10]
        0x48, 0x8b, 0x53, 0x18, // mov rdx,[rbx+0x18]
        0x4c, 0x8b, 0x53, 0x20, // mov r10,[rbx+0x20]
        0x4c, 0x8b, 0x43, 0x28, // mov r8,[rbx+0x28]
        0x4c, 0x8b, 0x4b, 0x30, // mov r9,[rbx+0x30]
        0x0f, 0x05, // syscall
        0x48, 0x89, 0x43, 0x38, // mov [rbx+0x38],rax
        0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, // cmp rax,0xfffffffffffff001
        0x73, 0x0a, // jae 3b <table+0x38>
        0x48, 0x83, 0xc3, 0x40, // add rbx,0x40
        0x48, 0xff, 0xcd, // dec rbp
        0x75, 0xce, // jne 8 <table+0x5>
        0xcc, // int3
        0xcc, // int3
        // seed:
        0xbf, 0x64, 0x00, 0x00, 0x00, // mov edi,100 (ChannelFd)
        0x48, 0x89, 0xe6, // mov rsi,rsp
        0xba, 0x01, 0x00, 0x00, 0x00, // mov edx,1
        0xb8, 0x00, 0x00, 0x00, 0x00, // mov eax,0 (read)
        0x0f, 0x05, // syscall
        0xbf, 0x01, 0x00, 0x00, 0x00, // mov edi,1
        0xb8, 0xe7, 0x00, 0x00, 0x00, // mov eax,231 (exit_group)
        0x0f, 0x05, // syscall
    ];
}
