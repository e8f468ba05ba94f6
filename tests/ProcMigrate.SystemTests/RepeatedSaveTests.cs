using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>Saving and restoring the same program over and over leaves nothing of the engine in it.</summary>
public sealed class RepeatedSaveTests : SystemTest
{
    private const int Rounds = 50;

    [Fact]
    public void FiftyRounds_NoDescriptorMappingOrMemoryIsLeaked()
    {
        using ProgramUnderTest program = Start("maps");
        ProcSnapshot before = ProcSnapshot.CaptureStable(program.Pid);
        long anonymous = 0, saved = 0, size = 0;
        for (int round = 1; round <= Rounds; round++)
        {
            Answer answer = Binary.Save(program.Pid, Image, "--force");
            program.AssertGone();
            Binary.Restore(Image);
            ProcSnapshot.AssertSame(before, program.Pid);
            if (round == 1)
            {
                anonymous = ProcSnapshot.AnonymousKiB(program.Pid);
                saved = answer.MemoryBytes;
                size = new FileInfo(Image).Length;
            }
            Assert.Equal(anonymous, ProcSnapshot.AnonymousKiB(program.Pid));
            Assert.Equal(saved, answer.MemoryBytes);
            // The document holds times and a new id: a few bytes more or less.
            Assert.InRange(new FileInfo(Image).Length, size - 512, size + 512);
        }
        program.AssertPasses();
    }

    [Fact]
    public void FiftyRounds_OfSixtyFourThreadsUnderLoad_AllStayRight()
    {
        using ProgramUnderTest program = Start("threads64");
        for (int round = 1; round <= (Places.Long ? Rounds : 10); round++)
        {
            Binary.Save(program.Pid, Image, "--force");
            Binary.Restore(Image);
        }
        program.AssertPasses();
    }
}
