using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Names;

/// <summary>Unix sockets of a user who may not ask which file a socket is bound to (SIOCUNIXFILE wants CAP_NET_ADMIN).</summary>
public sealed class UserSocketTests : SystemTest
{
    private const int User = 12345;
    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];

    public UserSocketTests()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        Assert.SkipUnless(Binary.RunAs([.. AsUser, "test", "-x"]).ExitCode == 0, "another user cannot reach the binary");
        Answer doctor = Binary.RunAs(AsUser, "doctor", "--json");
        Assert.SkipWhen(doctor.Output.Contains("\"topic\":\"user namespaces\",\"available\":false", StringComparison.Ordinal), "user namespaces are switched off here");
    }

    [Theory]
    [InlineData("streams")]
    [InlineData("datagrams")]
    public void Sockets_SavedAndRestoredByTheirUser_AreTheSame(string mode)
    {
        using ProgramUnderTest program = Start(mode);
        Check(Run("save", $"{program.Pid}", "-o", Image, "--json"));
        using TreeInNamespace tree = TreeInNamespace.Of(Check(Run("restore", Image, "--pid-namespace", "--json")));
        PidNamespaceTests.AssertPasses(program.OutPath, tree, 1);
    }

    [Theory]
    [InlineData("a.sock")]
    [InlineData("/FOLDER/b.sock")]
    public void Listener_UnderItsName_AnswersAgain(string name)
    {
        string path = name.Replace("/FOLDER", Folder.Path, StringComparison.Ordinal);
        using ProgramUnderTest program = Serve(path, "");
        Check(Run("save", $"{program.Pid}", "-o", Image, "--json"));
        using TreeInNamespace tree = TreeInNamespace.Of(Check(Run("restore", Image, "--pid-namespace", "--json")));
        string ask = "import socket, sys, os; os.chdir(sys.argv[1]); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[2]); print(s.recv(99).decode())";
        Tool.Result told = Tool.Run("python3", "-c", ask, Folder.Path, path);
        Assert.True(told.Output == "served\n", told.Error);
    }

    /// <summary>Renamed, deleted, or with another's socket in its place: told before the tree is stopped for good.</summary>
    [Theory]
    [InlineData("os.rename('s', 't')")]
    [InlineData("os.unlink('s')")]
    [InlineData("os.unlink('s'); other = socket.socket(socket.AF_UNIX); other.bind('s')")]
    public void Listener_WhoseFileIsGone_IsABlocker_AndRootCarriesIt(string then)
    {
        using ProgramUnderTest program = Serve("s", then);
        foreach (string[] verb in (string[][])[["check", $"{program.Pid}", "--json"], ["save", $"{program.Pid}", "-o", Image, "--json"]])
        {
            Answer refused = Run(verb);
            Assert.Equal(3, refused.ExitCode);
            JsonElement blocker = Assert.Single(refused.Blockers);
            Assert.Equal("UnixSocketFile", blocker.GetProperty("id").GetString());
            Assert.Equal("s", blocker.GetProperty("what").GetString());
        }
        program.AssertRuns();
        Assert.False(File.Exists(Image));
        Binary.Save(program.Pid, Image);
        Binary.Restore(Image);
        program.AssertRuns();
    }

    [Fact]
    public void ImageOfRoot_WithASocketWhoseFileIsGone_IsRefusedToItsUser()
    {
        using ProgramUnderTest program = Serve("s", "os.unlink('s')");
        Binary.Save(program.Pid, Image);
        Assert.Equal(0, Native.ChangeOwner(Image, User, User));
        Answer refused = Run("restore", Image, "--pid-namespace", "--json");
        Assert.Equal(3, refused.ExitCode);
        Assert.Equal("UnixSocketFile", Assert.Single(refused.Blockers).GetProperty("id").GetString());
        Binary.Restore(Image, "--trust");
        program.AssertRuns();
    }

    private ProgramUnderTest Start(string mode) => ProgramUnderTest.StartBehind(AsUser, Folder, "unixsockets", mode);

    /// <summary>Says "served" to everybody who connects.</summary>
    private ProgramUnderTest Serve(string name, string then)
    {
        string script = $"""
            import os, socket, sys
            s = socket.socket(socket.AF_UNIX)
            s.bind(sys.argv[1])
            s.listen(5)
            {then}
            open('ready', 'w').close()
            while True:
                c = s.accept()[0]
                c.send(b'served')
                c.close()
            """;
        File.WriteAllText(Folder["serve.py"], script);
        ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, [.. AsUser, "/usr/bin/python3", Folder["serve.py"], name]);
        Wait.Until(() => File.Exists(Folder["ready"]) || !program.IsAlive, () => program.Log);
        program.AssertRuns();
        // It was opened before the change of user.
        Assert.Equal(0, Native.ChangeOwner(Folder["log"], User, User));
        return program;
    }

    private Answer Run(params string[] arguments) => Binary.RunAs([.. AsUser, "env", $"HOME={Folder.Path}"], arguments);

    private static Answer Check(Answer answer)
    {
        Assert.True(answer.ExitCode == 0, $"{answer}");
        return answer;
    }
}
