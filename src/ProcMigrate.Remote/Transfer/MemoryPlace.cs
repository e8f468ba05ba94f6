using System.Runtime.InteropServices;

namespace ProcMigrate.Remote.Transfer;

/// <summary>Where bytes of a frame belong, little-endian; the next place's bytes follow them in the frame and in the image.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MemoryPlace(ulong Address, int Pid, int Length)
{
    public const int Size = 16;
}
