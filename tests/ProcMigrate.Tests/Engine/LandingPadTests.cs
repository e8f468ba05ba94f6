using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;
using ProcMigrate.Tests.Linux;

namespace ProcMigrate.Tests.Engine;

public class LandingPadTests
{
    /// <summary>A vdso of two pages: so many bytes of its own, then zeros, and pads of killed saves from the end backwards.</summary>
    private static readonly Gen<(byte[] Clean, int Pads)> Vdsos =
        from used in Gen.OneOf(Gen.Choose(1, 8192), Gen.Choose(7600, 8192))
        from seed in Gen.Choose(1, 1000)
        from pads in Gen.Choose(0, (8192 - used) / PadCode.Size)
        select (Vdso(used, seed), pads);

    [Fact]
    public void Clean_TakesPadsAway_AndNothingElse()
    {
        Prop.ForAll(Vdsos.ToArbitrary(), vdso =>
        {
            byte[] before = WithPads(vdso.Clean, vdso.Pads);
            byte[] copy = [.. before];
            Assert.Equal(vdso.Clean, LandingPad.Clean(before));
            Assert.Equal(copy, before);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void TheSlot_IsTheEnd_AndNeverTheVdsosOwn()
    {
        Prop.ForAll(Vdsos.ToArbitrary(), vdso =>
        {
            byte[] content = WithPads(vdso.Clean, vdso.Pads);
            int used = Array.FindLastIndex(vdso.Clean, b => b != 0) + 1;
            int end = content.Length - PadCode.Size;
            Assert.Equal(used <= end ? end : null, LandingPad.FindSlot(content));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void ThisKernelsVdso_HasRoom_AndIsCleanAsItIs()
    {
        using ProcessMemory memory = ProcessMemory.Open(Environment.ProcessId);
        MemoryMap vdso = MemoryMap.ReadMaps(Environment.ProcessId).Single(m => m.Name == "[vdso]");
        byte[] content = memory.Read(vdso.Start, (int)vdso.Length);
        Assert.Equal(content, LandingPad.Clean(content));
        Assert.NotNull(LandingPad.FindSlot(content));
    }

    /// <summary>The whole way in a real process: calls are made by it, and afterwards nothing of it is changed.</summary>
    [Fact]
    public void CallsThroughThePad_LeaveASleepingProcessAsItWas()
    {
        using var child = new OrphanedProgram("sleep", "1000");
        Assert.True(SpinWait.SpinUntil(() => ProcStat.Of(child.Pid) is { State: 'S', Name: "sleep" }, TimeSpan.FromMinutes(1)));
        string mapsBefore = File.ReadAllText($"/proc/{child.Pid}/maps");
        PtraceThread.Run(() =>
        {
            using FrozenTree tree = FrozenTree.Freeze([child.Pid], false, CancellationToken.None);
            TracedProcess process = Assert.Single(tree.Processes);
            List<MemoryMap> maps = MemoryMap.ReadMaps(child.Pid);
            MemoryMap vdso = maps.Single(m => m.Name == "[vdso]");
            byte[] vdsoBefore = process.Memory.Read(vdso.Start, (int)vdso.Length);
            using (LandingPad? pad = LandingPad.Open(process, maps, out _))
            {
                RemoteAddress scratch = ScratchPlace.Find(maps, RemoteCalls.ScratchLength);
                using (RemoteCalls calls = RemoteCalls.Enter(process, process.Leader, pad!, scratch))
                {
                    Assert.Equal(child.Pid, calls.Call(SyscallNumber.getpid));
                    calls.WriteScratch(0x1234UL, 8);
                    Assert.Equal(0x1234UL, calls.ReadScratch<ulong>(8));
                    Assert.Equal(-Errno.EBADF, calls.Try(SyscallNumber.close, 12345));
                    LinuxException failure = Assert.Throws<LinuxException>(() => calls.Call(SyscallNumber.close, 12345));
                    Assert.Equal((Errno.EBADF, "close"), (failure.Errno, failure.Call));
                }
                Assert.Equal(process.Leader.Registers, Tracer.GetRegisters(child.Pid));
                Assert.Equal(process.Leader.SignalMask, Tracer.GetSignalMask(child.Pid));
            }
            Assert.Equal(vdsoBefore, process.Memory.Read(vdso.Start, (int)vdso.Length));
            return true;
        }, TestContext.Current.CancellationToken);
        Assert.Equal(mapsBefore, File.ReadAllText($"/proc/{child.Pid}/maps"));
        Assert.True(SpinWait.SpinUntil(() => ProcStat.Of(child.Pid).State == 'S', TimeSpan.FromMinutes(1)));
        Assert.Equal(0, ProcStatus.Of(child.Pid).Number("TracerPid"));
    }

    private static byte[] Vdso(int used, int seed)
    {
        byte[] content = new byte[8192];
        new Random(seed).NextBytes(content.AsSpan(0, used));
        content[used - 1] = 0xc3;
        return content;
    }

    private static byte[] WithPads(byte[] clean, int pads)
    {
        byte[] content = [.. clean];
        for (int i = 1; i <= pads; i++)
        {
            Span<byte> slot = content.AsSpan(content.Length - i * PadCode.Size, PadCode.Size);
            PadCode.Code.CopyTo(slot);
            slot[PadCode.Words..].Fill((byte)i);
        }
        return content;
    }
}
