using System.Runtime.InteropServices;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Tests.Engine;

/// <summary>What a filter says to a call, worked out by our interpreter as the kernel would.</summary>
public sealed class SeccompFilterTests
{
    private const uint Errno71 = SeccompFilter.SECCOMP_RET_ERRNO | 71;
    private const int NumberOffset = 0;
    private const int ArchitectureOffset = 4;
    private const int FirstArgumentOffset = 16;

    [Fact]
    public void Answer_OfNoFilter_Allows() =>
        Assert.Equal(SeccompFilter.SECCOMP_RET_ALLOW, SeccompFilter.Answer([], SyscallNumber.munmap, 0, []));

    [Theory]
    [InlineData(SyscallNumber.getppid, SeccompFilter.SECCOMP_RET_ERRNO)]
    [InlineData(SyscallNumber.getpid, SeccompFilter.SECCOMP_RET_ALLOW)]
    public void Answer_ByNumber_IsTheBranchTaken(SyscallNumber number, uint expected)
    {
        SeccompFilter filter = Filter(
            (0x20, 0, 0, ArchitectureOffset), (0x15, 1, 0, 0xc000003e), (0x06, 0, 0, SeccompFilter.SECCOMP_RET_KILL_PROCESS),
            (0x20, 0, 0, NumberOffset), (0x15, 0, 1, (uint)SyscallNumber.getppid), (0x06, 0, 0, Errno71), (0x06, 0, 0, SeccompFilter.SECCOMP_RET_ALLOW));
        Assert.Equal(expected, SeccompFilter.Answer([filter], number, 0, []));
    }

    [Theory]
    [InlineData(0x1_0000_0002ul, SeccompFilter.SECCOMP_RET_ALLOW)]
    [InlineData(3ul, SeccompFilter.SECCOMP_RET_KILL_PROCESS)]
    public void Answer_ByArgument_SeesBothItsHalves(ulong argument, uint expected)
    {
        // A = low; X = A; A = high; A += X; allow if 3 and the high half is 1, that is if high * 8 + low is 10.
        SeccompFilter filter = Filter(
            (0x20, 0, 0, FirstArgumentOffset), (0x02, 0, 0, 5), (0x20, 0, 0, FirstArgumentOffset + 4), (0x64, 0, 0, 3), (0x61, 0, 0, 5),
            (0x0c, 0, 0, 0), (0x15, 0, 1, 10), (0x06, 0, 0, SeccompFilter.SECCOMP_RET_ALLOW), (0x06, 0, 0, SeccompFilter.SECCOMP_RET_KILL_PROCESS));
        Assert.Equal(expected, SeccompFilter.Answer([filter], SyscallNumber.munmap, 0, [argument]));
    }

    [Fact]
    public void Answer_OfSeveral_IsTheMostSevere()
    {
        SeccompFilter allow = Filter((0x06, 0, 0, SeccompFilter.SECCOMP_RET_ALLOW));
        SeccompFilter refuse = Filter((0x06, 0, 0, Errno71));
        SeccompFilter kill = Filter((0x06, 0, 0, SeccompFilter.SECCOMP_RET_KILL_PROCESS));
        Assert.Equal(SeccompFilter.SECCOMP_RET_ERRNO, SeccompFilter.Answer([allow, refuse, allow], SyscallNumber.munmap, 0, []));
        Assert.Equal(SeccompFilter.SECCOMP_RET_KILL_PROCESS, SeccompFilter.Answer([kill, refuse], SyscallNumber.munmap, 0, []));
    }

    [Fact]
    public void Answer_OfAProgramWithoutEnd_IsTheMostSevere() =>
        Assert.Equal(SeccompFilter.SECCOMP_RET_KILL_PROCESS, SeccompFilter.Answer([Filter((0x20, 0, 0, 0))], SyscallNumber.munmap, 0, []));

    [Fact]
    public void AsksSupervisor_OfUserNotification_IsTrue()
    {
        Assert.True(Filter((0x06, 0, 0, SeccompFilter.SECCOMP_RET_USER_NOTIF)).AsksSupervisor());
        Assert.False(Filter((0x06, 0, 0, Errno71)).AsksSupervisor());
    }

    private static SeccompFilter Filter(params (ushort Code, byte True, byte False, uint K)[] program)
    {
        var code = new FilterInstruction[program.Length];
        for (int i = 0; i < program.Length; i++)
            code[i] = new FilterInstruction { code = program[i].Code, jt = program[i].True, jf = program[i].False, k = program[i].K };
        return new SeccompFilter(MemoryMarshal.AsBytes<FilterInstruction>(code).ToArray());
    }
}
