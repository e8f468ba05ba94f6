using System.Diagnostics;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>Restores that cannot be: refused before the first process is made.</summary>
public sealed class BadImageTests : SystemTest
{
    private const int Failed = 1, Refused = 3, ImageUnreadable = 4;
    private static readonly Random Chance = new(7);

    [Fact]
    public void Restore_WhilePidIsTaken_NamesTheOwner()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image, "--leave-running");
        Answer answer = Restore(Image);
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        string all = answer.Message + string.Concat(answer.Blockers.Select(blocker => blocker.ToString()));
        Assert.Contains($"{program.Pid}", all, StringComparison.Ordinal);
        Assert.Contains("threadstate", all, StringComparison.Ordinal);
        program.AssertPasses();
    }

    [Fact]
    public void Restore_WhilePidIsAZombies_WaitsALittle()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image, "--leave-running");
        Reaper.Hold(program.Pid);
        program.Signal(Native.SIGKILL);
        Wait.Until(() => Proc.Stat($"/proc/{program.Pid}") is ["Z", ..], () => "no zombie");
        using Binary.Running restore = Binary.Start([], "restore", Image, "--json");
        Thread.Sleep(300);
        Reaper.Release(program.Pid);
        Answer answer = restore.Finish();
        Assert.True(answer.ExitCode == 0, answer.ToString());
        program.AssertPasses();
    }

    [Theory]
    [InlineData(".big")]
    [InlineData(".append")]
    public void Restore_WithAFileMissing_NamesIt(string suffix)
    {
        using ProgramUnderTest program = Start("files");
        Binary.Save(program.Pid, Image);
        string path = program.OutPath + suffix;
        File.Move(path, path + ".aside");
        AssertRefused(program, path);
        File.Move(path + ".aside", path);
        Binary.Restore(Image);
        program.AssertPasses();
    }

    [Fact]
    public void Restore_WithAFileChanged_NamesBothSizesUnlessForced()
    {
        using ProgramUnderTest program = Start("files");
        string path = program.OutPath + ".append";
        Binary.Save(program.Pid, Image);
        DateTime before = File.GetLastWriteTimeUtc(path);
        File.WriteAllText(path, "abc and more");
        Answer answer = AssertRefused(program, path);
        string all = answer.Message + string.Concat(answer.Blockers.Select(blocker => blocker.ToString()));
        Assert.Matches(@"\b3\b", all);
        Assert.Matches(@"\b12\b", all);
        File.WriteAllText(path, "abc");
        File.SetLastWriteTimeUtc(path, before);
        Binary.Restore(Image, "--force");
        program.AssertPasses();
    }

    [Fact]
    public void Restore_WithTheProgramItselfChanged_NamesIt()
    {
        string copy = Folder["program"];
        File.Copy(Places.Program("threadstate"), copy);
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, copy, Folder["out"]);
        Wait.Until(() => program.Lines is ["READY"], () => "not ready");
        Binary.Save(program.Pid, Image);
        File.Delete(copy);
        AssertRefused(program, copy);
        File.WriteAllText(copy, "another program");
        AssertRefused(program, copy);
    }

    [Fact]
    public void Restore_OfWhatIsNoImage_SaysSo()
    {
        File.WriteAllText(Folder["empty"], "");
        File.WriteAllText(Folder["text"], string.Concat(Enumerable.Repeat("This is no image. ", 1000)));
        File.WriteAllBytes(Folder["noise"], Noise(100_000));
        foreach (string path in (string[])[Folder["empty"], Folder["text"], Folder["noise"], "/bin/true", "/dev/null", "/dev/zero"])
            AssertUnreadable(path);
        Answer missing = Restore(Folder["missing"]);
        Assert.True(missing.ExitCode is Failed or ImageUnreadable, missing.ToString());
        Assert.Contains(Folder["missing"], missing.Message, StringComparison.Ordinal);
        Answer folder = Restore(Folder.Path);
        Assert.True(folder.ExitCode is Failed or ImageUnreadable, folder.ToString());
    }

    [Fact]
    public void Restore_OfATruncatedImage_IsRefused()
    {
        using ProgramUnderTest program = SaveSmall();
        byte[] whole = File.ReadAllBytes(Image);
        long[] lengths = [1, 63, 64, 4096, whole.Length / 2, whole.Length - 4096, whole.Length - 64, whole.Length - 1];
        foreach (long length in lengths)
        {
            File.WriteAllBytes(Folder["cut.pmi"], whole[..(int)length]);
            AssertUnreadable(Folder["cut.pmi"]);
        }
        AssertStillGood(program);
    }

    [Fact]
    public void Restore_OfAnImageWithOneByteChanged_IsRefused()
    {
        using ProgramUnderTest program = SaveSmall();
        byte[] whole = File.ReadAllBytes(Image);
        // Some in the header, some in the trailer, the rest anywhere.
        List<int> places = [0, 4, 16, 40, whole.Length - 1, whole.Length - 8, whole.Length - 20, whole.Length - 40];
        for (int i = 0; i < (Places.Long ? 2000 : 150); i++)
            places.Add(Chance.Next(whole.Length));
        foreach (int place in places)
        {
            whole[place] ^= (byte)(1 << Chance.Next(8));
            File.WriteAllBytes(Folder["damaged.pmi"], whole);
            Answer answer = Restore(Folder["damaged.pmi"]);
            Assert.True(answer.ExitCode == ImageUnreadable, $"byte {place} of {whole.Length} changed: {answer}");
            Assert.False(Proc.Exists(program.Pid), $"byte {place} changed, and a process was made");
            whole = File.ReadAllBytes(Image);
        }
        AssertStillGood(program);
    }

    /// <summary>Two restores at once: one wins, the other is refused, and there is one program.</summary>
    [Fact]
    public void Restore_TwiceAtOnce_OneWins()
    {
        using ProgramUnderTest program = SaveSmall();
        using Binary.Running first = Binary.Start([], "restore", Image, "--json"), second = Binary.Start([], "restore", Image, "--json");
        int[] codes = [first.Finish().ExitCode, second.Finish().ExitCode];
        Assert.Contains(0, codes);
        Assert.Contains(codes, code => code is Refused or Failed);
        program.AssertPasses();
    }

    private ProgramUnderTest SaveSmall()
    {
        ProgramUnderTest program = Start("fourthreads");
        Binary.Save(program.Pid, Image);
        return program;
    }

    private void AssertStillGood(ProgramUnderTest program)
    {
        Binary.Restore(Image);
        program.AssertPasses();
    }

    private Answer AssertRefused(ProgramUnderTest program, string path)
    {
        Answer answer = Restore(Image);
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        Assert.Contains(answer.Blockers, blocker => blocker.ToString().Contains(path, StringComparison.Ordinal));
        Assert.False(Proc.Exists(program.Pid), "refused, and yet a process is there");
        return answer;
    }

    private static void AssertUnreadable(string path)
    {
        Answer answer = Restore(path);
        Assert.True(answer.ExitCode == ImageUnreadable, $"{path}: {answer}");
        Assert.Contains(path, answer.Message, StringComparison.Ordinal);
    }

    private static Answer Restore(string image) => Binary.Run("restore", image, "--json");

    private static byte[] Noise(int length)
    {
        byte[] noise = new byte[length];
        Chance.NextBytes(noise);
        return noise;
    }
}
