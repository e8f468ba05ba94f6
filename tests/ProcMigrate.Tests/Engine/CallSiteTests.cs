using ProcMigrate.Engine.Freeze;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Tests.Engine;

public class CallSiteTests
{
    private const byte MoveToEax = 0xb8;
    private static readonly byte[] SyscallInstruction = [0x0f, 0x05];

    [Fact]
    public void TheNearestLoadOfATimedCallCounts() =>
        Assert.Equal(SyscallNumber.poll, Find([MoveToEax, 230, 0, 0, 0, 0x31, 0xd2, MoveToEax, 7, 0, 0, 0, 0x31, 0xff]));

    /// <summary>mov r8d, 35 is 41 b8 23 00 00 00: an argument, not the number of nanosleep.</summary>
    [Fact]
    public void ALoadOfR8_IsNone() =>
        Assert.Equal(SyscallNumber.clock_nanosleep, Find([MoveToEax, 230, 0, 0, 0, 0x41, MoveToEax, 35, 0, 0, 0]));

    [Fact]
    public void WithoutALoad_ThereIsNoAnswer() => Assert.Null(Find([0x48, 0x89, 0xd8, 0x90, 0x90, 0x90]));

    /// <summary>Functions of wchan as Linux 5.15, 6.1 and 6.18 name them.</summary>
    [Theory]
    [InlineData("do_sys_poll", "219 0x0 0x0 0xffffffff", SyscallNumber.poll)]
    [InlineData("poll_schedule_timeout.constprop.0", "219 0x7f9cd29f1df0 0x1 0x1770", SyscallNumber.poll)]
    [InlineData("futex_wait_queue_me", "219 0x7f9cd29f1df0 0x80 0x0", SyscallNumber.futex)]
    [InlineData("futex_wait_queue", "219 0x7f9cd29f1df0 0x80 0x0", SyscallNumber.futex)]
    [InlineData("futex_do_wait", "219 0x7f9cd29f1df0 0x80 0x0", SyscallNumber.futex)]
    [InlineData("hrtimer_nanosleep", "219 0x1 0x0 0x7f9cd29f1df0", SyscallNumber.clock_nanosleep)]
    [InlineData("do_syscall_64", "219 0x7f9cd29f1df0 0x7f9cd29f1df0", SyscallNumber.nanosleep)]
    public void WhatAThreadWaitsIn_TellsItsCall(string function, string call, SyscallNumber expected) => Assert.Equal(expected, CallSite.Waiting(function, call.Split(' ')[1]));

    private static SyscallNumber? Find(byte[] before)
    {
        // The search stays within a page: here all of the code lies in one.
        byte[] code = GC.AllocateArray<byte>(3 * PageSize.Bytes, pinned: true);
        Array.Fill<byte>(code, 0x90);
        ulong start;
        unsafe
        {
            fixed (byte* first = code)
                start = (ulong)first;
        }
        int call = (int)(PageSize.RoundUp(start) - start) + 128;
        before.CopyTo(code, call - before.Length);
        SyscallInstruction.CopyTo(code, call);
        using ProcessMemory own = ProcessMemory.Open(Environment.ProcessId);
        return CallSite.Find(own, new UserRegisters { rip = start + (ulong)(call + SyscallInstruction.Length) });
    }
}
