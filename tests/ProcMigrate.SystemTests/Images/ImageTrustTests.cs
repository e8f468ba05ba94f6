using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Images;

/// <summary>Root restores of himself only what nobody but root can have written, and inspect tells as what an image would run.</summary>
public sealed class ImageTrustTests : SystemTest
{
    private const int User = 12345, Refused = 3;

    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];

    [Fact]
    public void ImageOfAnotherUser_IsRefusedToRoot_UnlessTrusted()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image);
        Assert.Equal(0, Native.ChangeOwner(Image, User, User));
        AssertRefused(program, $"user {User}", "restore", Image, "--json");
        Assert.Contains($"user {User}", Binary.Run("check", Image).Output, StringComparison.Ordinal);
        Assert.Contains("ImageNotTrusted", Binary.Run("inspect", Image).Output, StringComparison.Ordinal);
        Assert.Equal(0, Binary.Run("check", Image, "--trust").ExitCode);
        Binary.Restore(Image, "--trust");
        program.AssertPasses();
    }

    [Fact]
    public void OwnerWithAName_IsCalledByIt()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image);
        string[] entry = File.ReadLines("/etc/passwd").Select(line => line.Split(':')).First(fields => fields.Length > 3 && fields[2] != "0");
        Assert.Equal(0, Native.ChangeOwner(Image, uint.Parse(entry[2]), 0));
        AssertRefused(program, $"user {entry[0]} ({entry[2]})", "restore", Image, "--json");
        Binary.Restore(Image, "--trust");
        program.AssertPasses();
    }

    [Theory]
    [InlineData(UnixFileMode.OtherWrite, 0, true)]
    [InlineData(UnixFileMode.GroupWrite, User, true)]
    [InlineData(UnixFileMode.GroupWrite, 0, false)]
    [InlineData(UnixFileMode.OtherRead, User, false)]
    public void ImageThatOthersCanWrite_IsRefusedToRoot(UnixFileMode bit, int group, bool refused)
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image);
        Assert.Equal(0, Native.ChangeOwner(Image, 0, (uint)group));
        File.SetUnixFileMode(Image, UnixFileMode.UserRead | UnixFileMode.UserWrite | bit);
        if (refused)
            AssertRefused(program, "can be written by", "restore", Image, "--json");
        Binary.Restore(Image, refused ? ["--trust"] : []);
        program.AssertPasses();
    }

    /// <summary>With an access list, the group's bits in the mode stand for everybody whom the list names.</summary>
    [Theory]
    [InlineData(6, true)]
    [InlineData(4, false)]
    public void ImageWhoseAccessListLetsAUserWrite_IsRefusedToRoot(int rights, bool refused)
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image);
        // user::rw-, user:12345:RIGHTS, group::---, mask::RIGHTS, other::---
        const string script = "import os, struct, sys; r = int(sys.argv[2]); none = 0xffffffff; os.setxattr(sys.argv[1], 'system.posix_acl_access', "
            + "struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in [(1, 6, none), (2, r, 12345), (4, 0, none), (16, r, none), (32, 0, none)]))";
        Assert.Equal(0, Tool.Run("python3", "-c", script, Image, $"{rights}").ExitCode);
        if (refused)
            AssertRefused(program, "access list", "restore", Image, "--json");
        Binary.Restore(Image, refused ? ["--trust"] : []);
        program.AssertPasses();
    }

    /// <summary>A link leads to what counts, and so does what stdin is redirected from.</summary>
    [Fact]
    public void ImageOfAnotherUser_IsNoticedOnItsWay()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Folder["theirs"]);
        File.CreateSymbolicLink(Image, Folder["theirs"]);
        Assert.Equal(0, Native.ChangeOwner(Folder["theirs"], User, User));
        AssertRefused(program, $"user {User}", "restore", Image, "--json");
        AssertRefused(program, $"user {User}", "restore", Image, "--json", "--pid-namespace");
        Answer redirected = Answer(Tool.Run("/bin/sh", "-c", $"'{Places.Binary}' restore - --json <'{Image}'"));
        Assert.True(redirected.ExitCode == Refused && redirected.Output.Contains("ImageNotTrusted", StringComparison.Ordinal), redirected.ToString());
        Answer piped = Answer(Tool.Run("/bin/sh", "-c", $"cat '{Image}' | '{Places.Binary}' restore - --json"));
        Assert.True(piped.ExitCode == 0, piped.ToString());
        program.AssertPasses();
    }

    /// <summary>An ordinary user gets no rights from an image that he has not: it is his own affair.</summary>
    [Fact]
    public void ImageOfAnotherUser_IsAUsersOwnAffair()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        Answer doctor = Binary.RunAs(AsUser, "doctor", "--json");
        Assert.SkipWhen(doctor.Output.Contains("\"topic\":\"user namespaces\",\"available\":false", StringComparison.Ordinal), "user namespaces are switched off here");
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, "threadstate");
        Binary.Save(program.Pid, Image);
        File.SetUnixFileMode(Image, (UnixFileMode)0x1b6); // 0666
        Answer restored = Binary.RunAs([.. AsUser, "env", $"HOME={Folder.Path}"], "restore", Image, "--pid-namespace", "--json");
        Assert.True(restored.ExitCode == 0, restored.ToString());
        using TreeInNamespace tree = TreeInNamespace.Of(restored);
        PidNamespaceTests.AssertPasses(program.OutPath, tree, 1);
    }

    [Fact]
    public void Inspect_TellsAsWhatItWouldRun()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(
            ["setpriv", $"--reuid={User}", $"--regid={User + 1}", "--groups=7,8", "--inh-caps=+net_raw", "--ambient-caps=+net_raw"], Folder, "threadstate");
        Binary.Save(program.Pid, Image);
        string text = Binary.Run("inspect", Image).Output;
        Assert.Contains($"runs as uid {User}, gid {User + 1}, groups 7 8, capabilities net_raw", text, StringComparison.Ordinal);
        JsonElement rights = Binary.Run("inspect", Image, "--json").Final!.Value.GetProperty("contents").GetProperty("processes")[0].GetProperty("rights")[0];
        Assert.Equal([User, User, User, User], rights.GetProperty("uids").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal([7, 8], rights.GetProperty("groups").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal(["net_raw"], rights.GetProperty("capabilities").EnumerateArray().Select(name => name.GetString()!));
    }

    private static Answer Answer(Tool.Result result) => new(result.ExitCode, result.Output, result.Error, null);

    private static void AssertRefused(ProgramUnderTest program, string told, params string[] command)
    {
        Answer answer = Binary.Run(command);
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        JsonElement blocker = answer.Blockers.Single(b => b.GetProperty("id").GetString() == "ImageNotTrusted");
        Assert.Contains(told, blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        Assert.Contains("--trust", blocker.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        Assert.False(Proc.Exists(program.Pid), "refused, and yet a process is there");
    }
}
