using System.Buffers.Binary;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore.Release;

/// <summary>
/// The program of a <see cref="Guardian"/>, without a libc and quick to start. It leaves our session, takes hold of every process of the
/// tree, tells us so, and waits for a word of ours or for our end. After a word it ends. After our end it looks at the first byte of the
/// restore's record: with <see cref="RestoreRecord.Committed"/> there, those that we held are continued; otherwise all are killed.
/// All signals are blocked from its birth on.
/// </summary>
internal static class GuardianProgram
{
    private const ulong Address = 0x40_0000;

    /// <param name="record">The number of the record's descriptor in it.</param>
    public static Descriptor Create(int record, IReadOnlyList<(int Pid, bool Held)> processes)
    {
        byte[] data = new byte[16 + 8 * processes.Count];
        BinaryPrimitives.WriteInt32LittleEndian(data, RestorerCode.ChannelFd);
        BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(4), record);
        BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(8), processes.Count);
        for (int i = 0; i < processes.Count; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(16 + 8 * i), processes[i].Pid);
            BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(20 + 8 * i), processes[i].Held ? 1 : 0);
        }
        return SeedProgram.Create("procmigrate-guardian", new RemoteAddress(Address), [.. Code, .. data], 0);
    }

    /// <summary>
    /// Its data lie right behind: numbers of channel and record, how many processes; at 12 a byte read or written; at 16 for each process its
    /// pid, of which a descriptor is made, and whether it was held. It ends with 0, or the errno of pidfd_open.
    /// </summary>
    private static ReadOnlySpan<byte> Code =>
    [
        // start:
        0x48, 0x8d, 0x1d, 0xd2, 0x00, 0x00, 0x00, // lea rbx,[rip+0xd2] (the data behind)
        0xb8, 0x70, 0x00, 0x00, 0x00, // mov eax,0x70
        0x0f, 0x05, // syscall
        0x4c, 0x8d, 0x63, 0x10, // lea r12,[rbx+0x10]
        0x44, 0x8b, 0x6b, 0x08, // mov r13d,DWORD PTR [rbx+0x8]
        // open:
        0x45, 0x85, 0xed, // test r13d,r13d
        0x74, 0x22, // je 3d <ready>
        0xb8, 0xb2, 0x01, 0x00, 0x00, // mov eax,0x1b2
        0x41, 0x8b, 0x3c, 0x24, // mov edi,DWORD PTR [r12]
        0x31, 0xf6, // xor esi,esi
        0x0f, 0x05, // syscall
        0x85, 0xc0, // test eax,eax
        0x0f, 0x88, 0x9a, 0x00, 0x00, 0x00, // js ca <fail>
        0x41, 0x89, 0x04, 0x24, // mov DWORD PTR [r12],eax
        0x49, 0x83, 0xc4, 0x08, // add r12,0x8
        0x41, 0xff, 0xcd, // dec r13d
        0xeb, 0xd9, // jmp 16 <open>
        // ready:
        0xb8, 0x01, 0x00, 0x00, 0x00, // mov eax,0x1
        0x8b, 0x3b, // mov edi,DWORD PTR [rbx]
        0x48, 0x8d, 0x73, 0x0c, // lea rsi,[rbx+0xc]
        0xba, 0x01, 0x00, 0x00, 0x00, // mov edx,0x1
        0x0f, 0x05, // syscall
        0x85, 0xc0, // test eax,eax
        0x78, 0x7d, // js d0 <end>
        // wait:
        0x31, 0xc0, // xor eax,eax
        0x8b, 0x3b, // mov edi,DWORD PTR [rbx]
        0x48, 0x8d, 0x73, 0x0c, // lea rsi,[rbx+0xc]
        0xba, 0x01, 0x00, 0x00, 0x00, // mov edx,0x1
        0x0f, 0x05, // syscall
        0x83, 0xf8, 0xfc, // cmp eax,0xfffffffc
        0x74, 0xec, // je 53 <wait>
        0x85, 0xc0, // test eax,eax
        0x7f, 0x65, // jg d0 <end>
        0xb8, 0x11, 0x00, 0x00, 0x00, // mov eax,0x11
        0x8b, 0x7b, 0x04, // mov edi,DWORD PTR [rbx+0x4]
        0x48, 0x8d, 0x73, 0x0c, // lea rsi,[rbx+0xc]
        0xba, 0x01, 0x00, 0x00, 0x00, // mov edx,0x1
        0x45, 0x31, 0xd2, // xor r10d,r10d
        0x0f, 0x05, // syscall
        0x41, 0xbe, 0x09, 0x00, 0x00, 0x00, // mov r14d,0x9
        0x80, 0x7b, 0x0c, 0x43, // cmp BYTE PTR [rbx+0xc],0x43
        0x75, 0x06, // jne 93 <act>
        0x41, 0xbe, 0x12, 0x00, 0x00, 0x00, // mov r14d,0x12
        // act:
        0x4c, 0x8d, 0x63, 0x10, // lea r12,[rbx+0x10]
        0x44, 0x8b, 0x6b, 0x08, // mov r13d,DWORD PTR [rbx+0x8]
        // next:
        0x45, 0x85, 0xed, // test r13d,r13d
        0x74, 0x30, // je d0 <end>
        0x41, 0x83, 0xfe, 0x09, // cmp r14d,0x9
        0x74, 0x08, // je ae <send>
        0x41, 0x83, 0x7c, 0x24, 0x04, 0x00, // cmp DWORD PTR [r12+0x4],0x0
        0x74, 0x13, // je c1 <skip>
        // send:
        0xb8, 0xa8, 0x01, 0x00, 0x00, // mov eax,0x1a8
        0x41, 0x8b, 0x3c, 0x24, // mov edi,DWORD PTR [r12]
        0x44, 0x89, 0xf6, // mov esi,r14d
        0x31, 0xd2, // xor edx,edx
        0x45, 0x31, 0xd2, // xor r10d,r10d
        0x0f, 0x05, // syscall
        // skip:
        0x49, 0x83, 0xc4, 0x08, // add r12,0x8
        0x41, 0xff, 0xcd, // dec r13d
        0xeb, 0xd1, // jmp 9b <next>
        // fail:
        0xf7, 0xd8, // neg eax
        0x89, 0xc7, // mov edi,eax
        0xeb, 0x02, // jmp d2 <exit>
        // end:
        0x31, 0xff, // xor edi,edi
        // exit:
        0xb8, 0xe7, 0x00, 0x00, 0x00, // mov eax,0xe7
        0x0f, 0x05, // syscall
    ];
}
