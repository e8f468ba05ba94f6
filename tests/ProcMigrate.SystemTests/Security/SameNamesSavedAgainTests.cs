using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>A tree that sees a bundle's files under their old names is saved from outside: nothing is executed in its mounts, and all its files are found.</summary>
public sealed class SameNamesSavedAgainTests : BundleTest
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(Trap.User, true)]
    public void Tree_IsSavedWithItsFilesAndGoesOn(int user, bool pids)
    {
        // Not in the program's folder, which in the tree's view is the unpacked one.
        using var images = new TempFolder();
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, (uint)user, (uint)user) + Native.ChangeOwner(images.Path, (uint)user, (uint)user));
        string[] prefix = user == 0 ? [] : Trap.AsUser;
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(prefix, Folder, "bundled", App, "names");
        string image = images["first.pmi"];
        Check("save", $"{program.Pid}", "-o", image, "--bundle", "--json");
        Directory.Delete(App, recursive: true);
        string[] how = pids ? ["--same-names", "--pid-namespace", "--json"] : ["--same-names", "--json"];
        for (int round = 1; round <= 2; round++)
        {
            int pid = Check(["restore", image, "--files", images[$"files{round}"], .. how]).Final!.Value.GetProperty("pid").GetInt32();
            Assert.Equal(App, Proc.ReadLink($"/proc/{pid}/cwd"));
            if (round == 2)
            {
                Assert.Equal(0, Native.Kill(pid, Native.SIGUSR1));
                Wait.Until(() => program.Lines.Length > 1, () => "no verdict");
                break;
            }
            image = images["again.pmi"];
            Check("save", $"{pid}", "-o", image, "--bundle", "--json");
            Wait.Until(() => !Proc.Exists(pid), () => "the tree lives on");
        }
        Assert.Equal(["READY", "PASS"], program.Lines);
        Assert.False(Path.Exists(App));

        Answer Check(params string[] arguments)
        {
            Answer answer = Binary.RunAs([.. prefix, "env", $"HOME={images.Path}"], arguments);
            Assert.True(answer.ExitCode == 0, $"{string.Join(' ', arguments)}: {answer}");
            return answer;
        }
    }
}
