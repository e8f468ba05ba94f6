using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Memory of our own in a process being restored, at an address that no process of the image uses: a page of code, the
/// table of calls, and their data. It is unmapped by the process's last call.
/// </summary>
internal sealed class RestorerArea
{
    public const int MaxRows = 8192;
    public const int DataLength = 512 * 1024;
    private const int CodeLength = PageSize.Bytes;
    private const int TableLength = MaxRows * 64;

    public const int Length = CodeLength + TableLength + DataLength;

    private const int PROT_READ = 1;
    private const int PROT_WRITE = 2;
    private const int PROT_EXEC = 4;
    private const int MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE = 0x2 | 0x20 | 0x100000;

    /// <summary>The area of a process that has inherited it from the seed, or shares the address space of one that has.</summary>
    public RestorerArea(int pid, RemoteAddress start) => (Pid, Start) = (pid, start);

    public int Pid { get; }
    public RemoteAddress Start { get; }
    public RemoteAddress Code => Start;
    public RemoteAddress Table => Start + CodeLength;
    public RemoteAddress Data => Start + CodeLength + TableLength;

    /// <summary>Puts bytes at an offset of the data, for a single call; call tables use the same place.</summary>
    public RemoteAddress WriteData(int offset, ReadOnlySpan<byte> bytes)
    {
        ProcessMemory.WriteFast(Pid, Data + (ulong)offset, bytes);
        return Data + (ulong)offset;
    }

    /// <summary>Maps the area in the seed, from which all processes inherit it, and moves its thread there.</summary>
    public static RestorerArea Enter(OwnedThread thread, RemoteAddress start)
    {
        string what = $"the restorer's area of process {thread.Tid}";
        thread.Call(
            SyscallNumber.mmap, what, start.Value, Length, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE, ulong.MaxValue);
        using (ProcessMemory memory = ProcessMemory.Open(thread.Tid))
            memory.Write(start, RestorerCode.Code);
        thread.Call(SyscallNumber.mprotect, what, start.Value, CodeLength, PROT_READ | PROT_EXEC);
        thread.SyscallInstruction = start + RestorerCode.Call;
        return new RestorerArea(thread.Tid, start);
    }
}
