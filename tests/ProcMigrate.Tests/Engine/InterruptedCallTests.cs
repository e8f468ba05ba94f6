using ProcMigrate.Engine.Freeze;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Tests.Engine;

/// <summary>Against arch_do_signal_or_restart of arch/x86/kernel/signal.c.</summary>
public class InterruptedCallTests
{
    private const ulong Ip = 0x401002;
    private const ulong NotInACall = ulong.MaxValue;

    private static UserRegisters Stopped(SyscallNumber number, long result) => new()
    {
        rip = Ip,
        rax = (ulong)result,
        orig_rax = (ulong)number,
        rdi = 11,
        rsi = 12,
        rdx = 13,
        r10 = 14,
        r8 = 15,
        r9 = 16,
        rsp = 17,
    };

    [Theory]
    [InlineData(Errno.ERESTARTSYS)]
    [InlineData(Errno.ERESTARTNOINTR)]
    [InlineData(Errno.ERESTARTNOHAND)]
    public void RestartCodes_MakeTheSameCallAgain(int code)
    {
        UserRegisters before = Stopped(SyscallNumber.futex, -code);
        UserRegisters after = InterruptedCall.Resolve(before);
        Assert.Equal(before with { rax = (ulong)SyscallNumber.futex, rip = Ip - 2, orig_rax = NotInACall }, after);
    }

    [Fact]
    public void RestartBlock_GoesOnByRestartSyscall()
    {
        UserRegisters before = Stopped(SyscallNumber.nanosleep, -Errno.ERESTART_RESTARTBLOCK);
        Assert.True(InterruptedCall.IsTimed(before));
        UserRegisters after = InterruptedCall.Resolve(before);
        Assert.Equal(before with { rax = (ulong)SyscallNumber.restart_syscall, rip = Ip - 2, orig_rax = NotInACall }, after);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(77)]
    [InlineData(-Errno.EINTR)]
    [InlineData(-511)]
    [InlineData(-515)] // ENOIOCTLCMD: never a restart
    [InlineData(-517)]
    public void AnyOtherResult_IsTheCallsOwn(long result)
    {
        UserRegisters before = Stopped(SyscallNumber.write, result);
        Assert.False(InterruptedCall.IsTimed(before));
        Assert.Equal(before with { orig_rax = NotInACall }, InterruptedCall.Resolve(before));
    }

    [Theory]
    [InlineData(-Errno.ERESTARTSYS)]
    [InlineData(-Errno.ERESTART_RESTARTBLOCK)]
    [InlineData(-Errno.EINTR)]
    public void OutsideACall_RaxIsTheProgramsOwn_WhateverItHolds(long rax)
    {
        UserRegisters registers = Stopped(0, rax) with { orig_rax = NotInACall };
        Assert.Null(InterruptedCall.Number(registers));
        Assert.False(InterruptedCall.IsTimed(registers));
        Assert.False(InterruptedCall.IsSpurious(registers));
        Assert.Equal(registers, InterruptedCall.Resolve(registers));
    }

    /// <summary>signal(7): calls that fail with EINTR after a stop, even without a handler.</summary>
    [Theory]
    [InlineData(SyscallNumber.epoll_wait)]
    [InlineData(SyscallNumber.epoll_pwait)]
    [InlineData(SyscallNumber.epoll_pwait2)]
    [InlineData(SyscallNumber.semop)]
    [InlineData(SyscallNumber.semtimedop)]
    [InlineData(SyscallNumber.rt_sigtimedwait)]
    [InlineData(SyscallNumber.read)]
    [InlineData(SyscallNumber.io_getevents)]
    [InlineData(SyscallNumber.recvfrom)]
    [InlineData(SyscallNumber.sendmsg)]
    [InlineData(SyscallNumber.accept4)]
    [InlineData(SyscallNumber.connect)]
    public void CallsThatAnswerEintrToAStop_AreMadeAgain(SyscallNumber number)
    {
        UserRegisters interrupted = Stopped(number, -Errno.EINTR);
        Assert.True(InterruptedCall.IsSpurious(interrupted));
        Assert.False(InterruptedCall.IsSpurious(Stopped(number, -Errno.EAGAIN)));
        Assert.Equal(
            interrupted with { rax = (ulong)number, rip = Ip - 2, orig_rax = NotInACall }, InterruptedCall.StartAgain(interrupted));
    }

    /// <summary>pause and sigsuspend end with EINTR by their nature: only after a handler has run.</summary>
    [Theory]
    [InlineData(SyscallNumber.pause)]
    [InlineData(SyscallNumber.rt_sigsuspend)]
    [InlineData(SyscallNumber.close)]
    public void EintrOfOtherCalls_IsLeftToTheProgram(SyscallNumber number) =>
        Assert.False(InterruptedCall.IsSpurious(Stopped(number, -Errno.EINTR)));
}
