using System.Runtime.InteropServices;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>struct prctl_mm_map (linux/prctl.h), 104 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MemoryLayoutMap
{
    public ulong start_code;
    public ulong end_code;
    public ulong start_data;
    public ulong end_data;
    public ulong start_brk;
    public ulong brk;
    public ulong start_stack;
    public ulong arg_start;
    public ulong arg_end;
    public ulong env_start;
    public ulong env_end;
    public ulong auxv;
    public uint auxv_size;
    public uint exe_fd;
}

/// <summary>Where the kernel takes a process's code, heap, stack, command line and auxiliary vector to be, and its program's file.</summary>
internal static class MemoryLayout
{
    private const ulong PR_SET_MM = 35;
    private const ulong PR_SET_MM_MAP = 14;

    /// <param name="executableDescriptor">Of the program's file in the process; all ones: it stays what it is.</param>
    public static unsafe void Set(MemoryLayoutRecord layout, uint executableDescriptor, RestorerArea area, CallTable calls)
    {
        int mapSize = sizeof(MemoryLayoutMap);
        byte[] data = new byte[mapSize + layout.AuxiliaryVector.Length];
        layout.AuxiliaryVector.CopyTo(data, mapSize);
        RemoteAddress address = area.Data;
        MemoryMarshal.Write(data, new MemoryLayoutMap
        {
            start_code = layout.StartCode,
            end_code = layout.EndCode,
            start_data = layout.StartData,
            end_data = layout.EndData,
            start_brk = layout.StartBreak,
            brk = layout.Break,
            start_stack = layout.StartStack,
            arg_start = layout.ArgumentStart,
            arg_end = layout.ArgumentEnd,
            env_start = layout.EnvironmentStart,
            env_end = layout.EnvironmentEnd,
            auxv = address.Value + (ulong)mapSize,
            auxv_size = (uint)layout.AuxiliaryVector.Length,
            exe_fd = executableDescriptor,
        });
        RemoteAddress map = calls.Data(data);
        calls.Add(SyscallNumber.prctl, "memory layout, command line and program file", PR_SET_MM, PR_SET_MM_MAP, map.Value, (ulong)mapSize);
        calls.Run();
    }
}
