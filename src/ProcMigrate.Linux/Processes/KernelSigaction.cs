using System.Runtime.InteropServices;

namespace ProcMigrate.Linux.Processes;

/// <summary>The kernel's struct sigaction on x86-64, which differs from libc's.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct KernelSigaction
{
    public ulong handler;
    public ulong flags;
    public ulong restorer;
    public ulong mask;
}
