using System.Globalization;
using System.Text;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>What killed restores left is removed, and nothing but that, whatever somebody renames meanwhile, and whoever wrote it down.</summary>
public sealed class RemovalTests : BundleTest
{
    private const int Tries = 10;

    private string State => Folder["state"];

    private string Records => $"{State}/procmigrate/restoring";

    private string Precious => $"{Folder["victim"]}/precious";

    [Theory]
    [InlineData("content")]
    [InlineData("folder")]
    public void FolderBecomesALink_WhileDoctorRemoves_OthersFilesStay(string kind)
    {
        MakeVictim();
        MakeRecords();
        bool swapped = false;
        for (int round = 0; round < Tries && !swapped; round++)
        {
            using var swapper = new Swapper(Folder, Directory.CreateDirectory(Folder["left"]).FullName, Folder["victim"]);
            Note(kind, Folder["left"]);
            Answer answer = Doctor();
            Assert.Contains(Folder["left"], answer.Output, StringComparison.Ordinal);
            swapped = swapper.HasSwapped();
            Assert.True(File.Exists(Precious), $"a file behind a link is gone: {answer}");
            Assert.Equal(kind == "content", Directory.Exists(Folder["left"]));
            Assert.Empty(Directory.Exists(Folder["left"]) ? Names(Folder["left"]) : []);
            Assert.Empty(Names(Records));
        }
        Assert.True(swapped, "the link never came in time");
    }

    [Fact]
    public void FolderBecomesALink_WhileARestoreRemoves_OthersFilesStay()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        MakeVictim();
        Answer first = Restore();
        Assert.True(first.ExitCode == 0, first.ToString());
        program.AssertPasses();
        string files = FilesOf(first).GetProperty("folder").GetString()!;
        bool swapped = false;
        for (int round = 0; round < Tries && !swapped; round++)
        {
            Directory.Delete(files, recursive: true);
            File.Delete($"{files}.json");
            Directory.CreateDirectory(files);
            File.WriteAllText($"{files}.unpacking", "");
            using var swapper = new Swapper(Folder, files, Folder["victim"]);
            Answer again = Restore();
            Assert.True(again.ExitCode == 0, again.ToString());
            Assert.Equal(files, FilesOf(again).GetProperty("folder").GetString());
            Assert.Equal(0, Native.Kill(again.Final!.Value.GetProperty("pid").GetInt32(), Native.SIGKILL));
            swapped = swapper.HasSwapped();
            Assert.True(File.Exists(Precious), $"a file behind a link is gone: {again}");
            Assert.False(Directory.Exists($"{files}/d0"));
            int pid = again.Final!.Value.GetProperty("pid").GetInt32();
            Wait.Until(() => !Proc.IsAlive(pid), () => "the killed tree lives on");
        }
        Assert.True(swapped, "the link never came in time");
    }

    [Theory]
    [InlineData("link")]
    [InlineData("owner")]
    [InlineData("mode")]
    [InlineData("above")]
    public void RecordsInAFolderThatIsNotOurs_AreNotActedUpon(string how)
    {
        MakeVictim();
        MakeRecords();
        Note("folder", Folder["victim"]);
        switch (how)
        {
            case "link":
                Directory.Move(Records, Folder["elsewhere"]);
                File.CreateSymbolicLink(Records, Folder["elsewhere"]);
                break;
            case "owner":
                Assert.Equal(0, Native.ChangeOwner(Records, Trap.User, Trap.User));
                break;
            case "mode":
                Trap.Open(Records);
                break;
            default:
                Assert.Equal(0, Native.ChangeOwner($"{State}/procmigrate", Trap.User, Trap.User));
                break;
        }
        Answer answer = Doctor();
        Assert.True(File.Exists(Precious), $"a file that a planted record names is gone: {answer}");
        Assert.Contains("XDG_STATE_HOME", answer.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OwnFolderOfBundles_OfAnotherUser_IsRefused(bool link)
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        Directory.CreateDirectory(State);
        string own = Directory.CreateDirectory(link ? Folder["elsewhere"] : $"{State}/procmigrate").FullName;
        if (link)
            File.CreateSymbolicLink($"{State}/procmigrate", own);
        else
            Assert.Equal(0, Native.ChangeOwner(own, Trap.User, Trap.User));
        Answer refused = Restore();
        Assert.Equal((Refused, "FilesFolderNotOwn"), (refused.ExitCode, refused.ErrorId));
        Assert.Empty(Names(own));
        Answer restored = Restore("--files", Files);
        Assert.True(restored.ExitCode == 0, restored.ToString());
        program.AssertPasses();
    }

    private Answer Doctor() => Binary.RunAs(["env", $"XDG_STATE_HOME={State}"], "doctor", "--clean", "--json");

    private Answer Restore(params string[] more) => Binary.RunAs(["env", $"XDG_STATE_HOME={State}"], ["restore", Image, "--json", .. more]);

    private void MakeVictim()
    {
        Directory.CreateDirectory(Folder["victim"]);
        File.WriteAllText(Precious, "precious");
    }

    private void MakeRecords()
    {
        foreach (string folder in (string[])[State, $"{State}/procmigrate", Records])
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>As a restore that was killed leaves it.</summary>
    private void Note(string kind, string path)
    {
        string[] place = Tool.Run("stat", "-c", "%Hd %Ld %i", path).Output.Trim().Split(' ');
        ulong device = ulong.Parse(place[0], CultureInfo.InvariantCulture) << 20 | ulong.Parse(place[1], CultureInfo.InvariantCulture);
        File.WriteAllText(
            $"{Records}/{Guid.NewGuid():N}", $"R1\tboot\t0\t1\tipc\tpid\n{kind}\t{Convert.ToBase64String(Encoding.UTF8.GetBytes(path))}\t{device}\t{place[2]}\n");
        foreach (string record in Directory.GetFiles(Records))
            File.SetUnixFileMode(record, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
