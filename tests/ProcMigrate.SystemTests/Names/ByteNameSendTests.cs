using ProcMigrate.SystemTests.Harness;
using ProcMigrate.SystemTests.Remote;

namespace ProcMigrate.SystemTests.Names;

/// <summary>Names that are not UTF-8 on their way to another host and back.</summary>
public sealed class ByteNameSendTests(TestHosts hosts) : RemoteTest(hosts)
{
    [Fact]
    public void Image_ArrivesUnderItsName_AndIsFoundThere()
    {
        // What stands for the byte 0xe9 in memory.
        string name = "im\udce9.pmi";
        SentImage.Write(Folder[name], 1);
        string folder = FolderThere();
        Assert.Equal($"{folder}/{name}", Send(Folder[name], N2, folder).Path);
        Assert.Equal(" 69 6d e9 2e 70 6d 69 0a\n", Hosts.Do("n2", $"ls {folder} | od -An -tx1"));
        Assert.True(Send(Folder[name], N2, folder).AlreadyThere);
        var outcome = Ask(N2, ["inspect", "--", $"{folder}/{name}"]);
        Assert.True(outcome.Succeeded, outcome.FinalLine);
        Assert.Equal($"{folder}/im\0e9.pmi", outcome.Final.GetProperty("image").GetProperty("path").GetString());
    }

    [Fact]
    public void Check_ThereOfAProgramWithSuchFiles_NamesThem()
    {
        string app = Folder["app"];
        using ProgramUnderTest program = Start("bytenames", app, "moved");
        Answer answer = Binary.Run("check", $"{program.Pid}", "--host", "n2", "--json");
        Assert.Equal(3, answer.ExitCode);
        string?[] missing = [.. answer.Blockers.Where(b => b.GetProperty("id").GetString() == "FileMissing").Select(b => b.GetProperty("what").GetString())];
        Assert.Contains($"on n2: {app}/w\0e9rk/caf\0e9.txt", missing);
        program.AssertPasses();
    }

    private protected override void Dispose(bool disposing)
    {
        // .NET cannot delete what it cannot name.
        Tool.Run("find", Folder.Path, "-mindepth", "1", "-delete");
        base.Dispose(disposing);
    }
}
