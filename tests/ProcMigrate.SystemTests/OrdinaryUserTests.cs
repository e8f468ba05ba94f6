using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>A user without privileges, whose number need not be in /etc/passwd, saves and restores programs of his own.</summary>
public sealed class OrdinaryUserTests : SystemTest
{
    private const int User = 12345;

    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];

    /// <summary>All kinds of state that take no privilege.</summary>
    public static TheoryData<string> Programs { get; } =
    [
        "manymaps", "regs", "threadstate", "signals", "files", "locks", "posixtimers", "dispatch", "memsettings", "mqueue", "vdso", "shared",
        "threadfolders", "cow", "stops", "rseq", "fourthreads", "threads64", "ptys", "pipes", "events", "sysvipc",
    ];

    public OrdinaryUserTests()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        Assert.SkipUnless(Binary.RunAs([.. AsUser, "test", "-x"]).ExitCode == 0, "another user cannot reach the binary");
        Answer doctor = Binary.RunAs(AsUser, "doctor", "--json");
        Assert.SkipWhen(doctor.Output.Contains("\"topic\":\"user namespaces\",\"available\":false", StringComparison.Ordinal), "user namespaces are switched off here");
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_SavedAndRestoredTwiceByItsUser_Passes(string name)
    {
        using ProgramUnderTest program = StartAsUser(name);
        Check(Run("save", $"{program.Pid}", "-o", Image, "--json"));
        program.AssertGone();
        using (TreeInNamespace tree = TreeInNamespace.Of(Check(Run("restore", Image, "--pid-namespace", "--json"))))
        {
            Assert.Contains($"Uid:\t{User}\t{User}\t{User}\t{User}", Proc.ReadText($"/proc/{tree.Pid}/status"), StringComparison.Ordinal);
            Assert.Contains("CapPrm:\t0000000000000000", Proc.ReadText($"/proc/{tree.Pid}/status"), StringComparison.Ordinal);
            Check(Run("save", $"{tree.Pid}", "-o", Folder["second.pmi"], "--json"));
        }
        using TreeInNamespace again = TreeInNamespace.Of(Check(Run("restore", Folder["second.pmi"], "--pid-namespace", "--json")));
        PidNamespaceTests.AssertPasses(program.OutPath, again, 1);
    }

    /// <summary>Root continues a user's program as that user's.</summary>
    [Fact]
    public void Program_SavedByItsUser_RestoredByRoot_IsTheUsersAgain()
    {
        using ProgramUnderTest program = StartAsUser("threadstate");
        Check(Run("save", $"{program.Pid}", "-o", Image, "--json"));
        Binary.Restore(Image, "--trust");
        Assert.Contains($"Uid:\t{User}\t{User}\t{User}\t{User}", Proc.ReadText($"/proc/{program.Pid}/status"), StringComparison.Ordinal);
        program.AssertPasses();
    }

    [Fact]
    public void Restore_WithItsOldPids_TellsWhatItTakes()
    {
        using ProgramUnderTest program = StartAsUser("threadstate");
        Check(Run("save", $"{program.Pid}", "-o", Image, "--json"));
        Answer refused = Run("restore", Image, "--json");
        Assert.Equal((6, "PrivilegeMissing"), (refused.ExitCode, refused.ErrorId));
        Assert.Contains("--pid-namespace", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>An image brings nobody rights.</summary>
    [Fact]
    public void ImageOfRoot_IsRefusedToAUser()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image);
        Assert.Equal(0, Native.ChangeOwner(Image, User, User));
        Answer refused = Run("restore", Image, "--pid-namespace", "--json");
        Assert.Equal(3, refused.ExitCode);
        JsonElement blocker = Assert.Single(refused.Blockers);
        Assert.Equal("CredentialsNotAllowed", blocker.GetProperty("id").GetString());
        Binary.Restore(Image, "--trust");
        program.AssertPasses();
    }

    [Fact]
    public void ProcessOfRoot_IsNotSavedByAUser()
    {
        using ProgramUnderTest program = Start("threadstate");
        Answer refused = Run("save", $"{program.Pid}", "-o", Image, "--json");
        Assert.Equal(6, refused.ExitCode);
        program.AssertPasses();
    }

    private ProgramUnderTest StartAsUser(string name) => ProgramUnderTest.StartBehind(AsUser, Folder, name);

    private Answer Run(params string[] arguments) => Binary.RunAs([.. AsUser, "env", $"HOME={Folder.Path}"], arguments);

    private static Answer Check(Answer answer)
    {
        Assert.True(answer.ExitCode == 0, $"{answer}");
        return answer;
    }
}
