using System.Net.Sockets;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>
/// Between save and restore a user puts a link to what is root's in the place of what his program held. Root's restore must not open it
/// for him, nor make, give away or unlink anything in folders of root's. And what a program opened before it gave its rights away, it gets back.
/// </summary>
public sealed class SwappedFileTests : SystemTest
{
    private const string Program = """
        import os, socket, sys, time
        place, what = sys.argv[1:3]
        os.closerange(3, 1024)
        mine = place + "/mine"
        if what == "dropped":
            kept = os.open(place + "/secrets/secret", os.O_RDWR)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind("/run/procmigrate-test-dropped")
            listener.listen(5)
            os.setgroups([]); os.setresgid(12345, 12345, 12345); os.setresuid(12345, 12345, 12345)
        if what in ("file", "grown"):
            with open(mine, "w") as f: f.write("x" * 20)
            os.utime(mine, (1000000000, 1000000000))
            kept = os.open(mine, os.O_RDWR)
        if what == "fifo":
            os.mkfifo(mine); kept = os.open(mine, os.O_RDWR)
        if what in ("folder", "cwd"):
            os.mkdir(mine)
            if what == "folder": kept = os.open(mine, os.O_RDONLY)
            else: os.chdir(mine)
        if what == "socket":
            os.mkdir(mine)
            kept = socket.socket(socket.AF_UNIX); kept.bind(mine + "/socket"); kept.listen(5)
        if what == "datagram":
            kept = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); kept.connect(mine)
        with open(place + "/out", "w") as f: f.write("READY\n")
        while not os.path.exists(place + "/go"): time.sleep(0.05)
        if what == "dropped":
            text = os.pread(kept, 99, 0).decode()
            with open(place + "/result", "w") as f: f.write(text + " " + listener.getsockname())
        """;

    private string Mine => Folder["mine"];

    private string Secrets => Folder["secrets"];

    private string Secret => Folder["secrets/secret"];

    [Theory]
    [InlineData("file")]
    [InlineData("grown")]
    [InlineData("fifo")]
    [InlineData("folder")]
    [InlineData("cwd")]
    [InlineData("socket")]
    [InlineData("datagram")]
    public void UserPutsALinkInItsPlace_RootDoesNotFollowItForHim(string what)
    {
        MakeSecrets(what);
        using Socket? mine = what == "datagram" ? Receiver(Mine) : null, roots = what == "datagram" ? Receiver(Secret) : null;
        if (mine is not null)
            Trap.Open(Mine);
        using ProgramUnderTest program = StartProgram(Trap.AsUser, what);
        Binary.Save(program.Pid, Image);
        Tool.Run("rm", "-r", Mine);
        string target = what switch
        {
            "folder" or "cwd" => Folder["secrets/open"],
            "socket" => Folder["roots"],
            _ => Secret,
        };
        File.CreateSymbolicLink(Mine, target);
        Answer answer = Binary.Run(["restore", Image, "--json", .. what == "grown" ? ["--file-changed", "truncate"] : Array.Empty<string>()]);
        Assert.True(answer.ExitCode != 0 && $"{answer}".Contains("FileForbidden", StringComparison.Ordinal), $"{answer}");
        Assert.False(Proc.IsAlive(program.Pid));
        Assert.Empty(Directory.GetFileSystemEntries(Folder["roots"]));
        if (what is "file" or "grown")
            Assert.Equal(new string('s', what == "file" ? 20 : 40), File.ReadAllText(Secret));
    }

    [Fact]
    public void ProgramThatGaveItsRightsAway_GetsBackWhatItOpenedBefore()
    {
        MakeSecrets("file");
        try
        {
            using ProgramUnderTest program = StartProgram([], "dropped");
            Binary.Save(program.Pid, Image);
            Binary.Restore(Image);
            File.WriteAllText(Folder["go"], "");
            Wait.Until(() => File.Exists(Folder["result"]) && !Proc.IsAlive(program.Pid), () => $"no result: {program.Log}");
            Assert.Equal($"{new string('s', 20)} /run/procmigrate-test-dropped", File.ReadAllText(Folder["result"]));
        }
        finally
        {
            File.Delete("/run/procmigrate-test-dropped");
        }
    }

    /// <summary>Another file of root's under that name is not the one that it had, although only root can have put it there.</summary>
    [Fact]
    public void ProgramThatGaveItsRightsAway_DoesNotGetAnotherFileOfRoots()
    {
        MakeSecrets("file");
        try
        {
            using ProgramUnderTest program = StartProgram([], "dropped");
            Binary.Save(program.Pid, Image);
            File.Move(Secret, Folder["secrets/kept"]);
            MakeSecret("file");
            Answer answer = Binary.Run("restore", Image, "--json");
            Assert.True(answer.ExitCode != 0 && $"{answer}".Contains("FileForbidden", StringComparison.Ordinal), $"{answer}");
            File.Move(Folder["secrets/kept"], Secret, overwrite: true);
            Binary.Restore(Image);
            File.WriteAllText(Folder["go"], "");
            Wait.Until(() => File.Exists(Folder["result"]) && !Proc.IsAlive(program.Pid), () => $"no result: {program.Log}");
        }
        finally
        {
            File.Delete("/run/procmigrate-test-dropped");
        }
    }

    private void MakeSecrets(string what)
    {
        Trap.Open(Folder.Path);
        Directory.CreateDirectory(Secrets, (UnixFileMode)0x1c0); // 0700
        Directory.CreateDirectory(Folder["secrets/open"]);
        Directory.CreateDirectory(Folder["roots"], (UnixFileMode)0x1ed); // 0755
        if (what == "fifo")
            Assert.Equal(0, Tool.Run("mkfifo", "-m", "600", Secret).ExitCode);
        else if (what != "datagram")
            MakeSecret(what);
    }

    private void MakeSecret(string what)
    {
        File.WriteAllText(Secret, new string('s', what == "grown" ? 40 : 20));
        File.SetUnixFileMode(Secret, (UnixFileMode)0x180); // 0600
        File.SetLastWriteTimeUtc(Secret, DateTimeOffset.FromUnixTimeSeconds(1_000_000_000).UtcDateTime);
    }

    private static Socket Receiver(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, 0);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private ProgramUnderTest StartProgram(string[] prefix, string what)
    {
        File.WriteAllText(Folder["program.py"], Program);
        ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, [.. prefix, "/usr/bin/python3", Folder["program.py"], Folder.Path, what]);
        Wait.Until(() => program.Lines is [.., "READY"] || !program.IsAlive, () => $"not ready: {program.Log}");
        Assert.True(program.IsAlive, program.Log);
        return program;
    }
}
