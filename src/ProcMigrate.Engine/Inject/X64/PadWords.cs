using System.Runtime.InteropServices;

namespace ProcMigrate.Engine.Inject.X64;

/// <summary>The words behind <see cref="PadCode.Code"/>, which it reads relative to its own address.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PadWords
{
    public ulong Scratch;

    /// <summary>Minus <see cref="Scratch"/>: an addition that gives zero compares without touching the flags.</summary>
    public ulong NegatedScratch;
    public ulong ScratchLength;
    public ulong SignalMask;
    public ulong Rax;
    public ulong Rcx;
    public ulong Rdx;
    public ulong Rsi;
    public ulong Rdi;
    public ulong R8;
    public ulong R9;
    public ulong R10;
    public ulong R11;
    public ulong Rip;

    /// <summary>Not for the code: whose pad this is, and where that thread's stack ends, for a save after one that was killed.</summary>
    public ulong Tid;
    public ulong Rsp;
}
