using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>While a program is saved and restored, its user comes to nothing of whoever does that.</summary>
public sealed class ThiefTests : SystemTest
{
    private const int User = 12345;
    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];


    /// <summary>Its helpers have the program's user for a while, but nothing that they were born with.</summary>
    [Theory]
    [InlineData("check")]
    [InlineData("save")]
    public void Descriptors_OfHelpersWithTheUsersIds_AreNotThere(string command)
    {
        using ProgramUnderTest program = StartAsUser();
        using Thief thief = new("descriptors", program.Pid);
        for (int i = 0; i < 3; i++)
        {
            string[] arguments = command == "check" ? ["check", $"{program.Pid}", "--json"] : ["save", $"{program.Pid}", "-o", Folder[$"{i}.pmi"], "--leave-running", "--json"];
            AssertDone(Binary.Run(arguments));
        }
        Assert.Equal("WATCHING\n", thief.Output);
        program.AssertPasses();
    }

    private ProgramUnderTest StartAsUser()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        return ProgramUnderTest.StartBehind(AsUser, Folder, "threads64");
    }

    private static void AssertDone(Answer answer) => Assert.True(answer.ExitCode == 0, $"{answer}");

    private sealed class Thief : IDisposable
    {
        private readonly TempFolder folder = new();
        private readonly System.Diagnostics.Process process;

        internal Thief(string what, int pid)
        {
            const string script = "out=$0; exec \"$@\" >\"$out/out\" 2>&1 </dev/null";
            process = Reaper.StartChild(new("/bin/sh", ["-c", script, folder.Path, .. AsUser, Places.Program("thief"), what, $"{pid}"]));
            Wait.Until(() => Output.Length > 0, () => "the thief does not begin");
        }

        internal string Output => Proc.ReadText(folder["out"]) ?? "";

        public void Dispose()
        {
            if (!process.HasExited)
                process.Kill();
            process.WaitForExit();
            process.Dispose();
            folder.Dispose();
        }
    }
}
