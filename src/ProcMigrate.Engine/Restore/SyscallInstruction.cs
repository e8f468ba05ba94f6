using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// A syscall instruction in the program's own code, to unmap our area from without standing in it. The vdso has one; where
/// the program has unmapped that, any other will do: the thread is stopped again right behind it.
/// </summary>
internal static class SyscallInstruction
{
    private const int PieceBytes = 1 << 20;

    public static RemoteAddress Find(int pid, RestorerArea area)
    {
        List<MemoryMap> maps = MemoryMap.ReadMaps(pid);
        using ProcessMemory memory = ProcessMemory.Open(pid);
        foreach (bool vdso in (bool[])[true, false])
        {
            foreach (MemoryMap map in maps)
            {
                bool ours = map.Start >= area.Start && map.Start < area.Start + RestorerArea.Length;
                if (map.Execute && !ours && map.Name != "[vsyscall]" && map.Name == "[vdso]" == vdso && FindIn(map, memory) is { } found)
                    return found;
            }
        }
        throw new EngineException("NoSyscallInstruction", FailureClass.Failed, $"The code of process {pid} holds no syscall instruction.");
    }

    private static RemoteAddress? FindIn(MemoryMap map, ProcessMemory memory)
    {
        for (RemoteAddress at = map.Start; at < map.End; at += PieceBytes)
        {
            int index = memory.Read(at, (int)Math.Min(PieceBytes, map.End - at)).AsSpan().IndexOf("\u000f\u0005"u8);
            if (index >= 0)
                return at + (ulong)index;
        }
        return null;
    }
}
