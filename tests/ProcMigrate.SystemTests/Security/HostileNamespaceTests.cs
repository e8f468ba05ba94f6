using System.Text.Json;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>
/// An ordinary user makes namespaces that look like those of a restore, with traps in their mounts, and waits for root to look at a
/// process in them (docs/security.md). Whatever root does: nothing of the user's runs for him.
/// </summary>
public sealed class HostileNamespaceTests : SystemTest
{
    public static TheoryData<string> Variants { get; } = ["loader", "library", "preload", "proc", "fuse", "nested"];

    [Theory]
    [MemberData(nameof(Variants))]
    public void RootLooksAtAUsersProcess_NothingOfTheUsersRuns(string variant)
    {
        var trap = new Trap(Folder["trap"]);
        using ProgramUnderTest hostile = Start(trap, variant, out int init, out int idle);
        foreach (string[] command in (string[][])
            [
                ["check", $"{init}"], ["check", $"{idle}"], ["check", $"{idle}", "--bundle"], ["save", $"{idle}", "-o", Image], ["save", $"{init}", "-o", Image],
                ["save", $"{idle}", "-o", Image, "--leave-running"], ["migrate", $"{idle}", "host.invalid"], ["check", $"{idle}", "--host", "host.invalid"],
            ])
        {
            Answer answer = Binary.RunAs(["timeout", "-s", "KILL", "30"], [.. command, "--json"]);
            Assert.True(trap.Record.Length == 0, $"{string.Join(' ', command)}: the user's {trap.Record}");
            Assert.True(answer.ExitCode is > 0 and < 100, $"{string.Join(' ', command)}: {answer}");
            Assert.False(File.Exists(Image));
            Assert.True(Proc.IsAlive(idle) && Proc.IsAlive(init), $"{string.Join(' ', command)} ended the user's process");
        }
    }

    [Theory]
    [InlineData("loader")]
    [InlineData("preload")]
    [InlineData("proc")]
    public void UserSavesHisOwnProcess_NothingIsRunOutOfItsMounts(string variant)
    {
        var trap = new Trap(Folder["trap"]);
        using ProgramUnderTest hostile = Start(trap, variant, out _, out int idle);
        Answer answer = Binary.RunAs([.. Trap.AsUser, "timeout", "-s", "KILL", "30"], "check", $"{idle}", "--json");
        Assert.True(trap.Record.Length == 0, $"the user's {trap.Record}");
        Assert.Equal("Namespace", NamespaceBlocker(answer).GetProperty("id").GetString());
    }

    /// <summary>The blocker says whose the namespaces are, and its remedy leads on.</summary>
    [Fact]
    public void RootSavesATreeThatAUserHasRestored_IsToldToDoItAsTheUser()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, Trap.User, Trap.User));
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(Trap.AsUser, Folder, "threadstate");
        Assert.Equal(0, Binary.RunAs(Trap.AsUser, "save", $"{program.Pid}", "-o", Image, "--json").ExitCode);
        string[] user = [.. Trap.AsUser, "env", $"HOME={Folder.Path}"];
        Answer restored = Binary.RunAs(user, "restore", Image, "--pid-namespace", "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        int pid = restored.Final!.Value.GetProperty("pid").GetInt32();
        using (TreeInNamespace tree = TreeInNamespace.Of(restored))
        {
            Answer refused = Binary.Run("save", $"{pid}", "-o", Folder["root.pmi"], "--json");
            Assert.Equal(3, refused.ExitCode);
            string[] remedy = NamespaceBlocker(refused).GetProperty("remedy").GetString()!.Split("setpriv ")[1].Split(' ');
            string[] asUser = ["setpriv", .. remedy[..Array.IndexOf(remedy, "procmigrate")], "env", $"HOME={Folder.Path}"];
            Answer saved = Binary.RunAs(asUser, [.. remedy[(Array.IndexOf(remedy, "procmigrate") + 1)..], "-o", Folder["second.pmi"], "--json"]);
            Assert.True(saved.ExitCode == 0, $"{saved}");
        }
        using TreeInNamespace again = TreeInNamespace.Of(Binary.RunAs(user, "restore", Folder["second.pmi"], "--pid-namespace", "--json"));
        PidNamespaceTests.AssertPasses(program.OutPath, again, 1);
    }

    /// <summary>
    /// Mounts that a restore of root's own has made hold what an image says, and who wrote that? So what is mounted over the dynamic
    /// linker is not executed when that tree is saved again, and the save works.
    /// </summary>
    [Fact]
    public void BundledLoader_UnderItsOldName_IsNotExecuted()
    {
        const string Loader = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
        var trap = new Trap(Folder["trap"]);
        using ProgramUnderTest program = Start("regs-static");
        Binary.Save(program.Pid, Image, "--bundle", "--include", Loader, "--include", $"{trap.Place}/planted");
        var forged = new ForgedBundle(Image);
        Swap(forged, "/ld-linux-x86-64.so.2", "/planted");
        forged.Save(Image);
        Binary.Restore(Image, "--files", Folder["files"], "--same-names");
        Answer check = Binary.Run("check", $"{program.Pid}", "--json");
        Assert.True(trap.Record.Length == 0, $"check: the image's {trap.Record}");
        Assert.True(check.ExitCode == 0, $"{check}");
        Answer migrate = Binary.Run("migrate", $"{program.Pid}", "host.invalid", "--bundle", "--json");
        Assert.True(trap.Record.Length == 0, $"migrate: the image's {trap.Record}");
        Assert.Contains("host.invalid", migrate.Message, StringComparison.Ordinal);
        Binary.Save(program.Pid, Folder["again.pmi"], "--bundle");
        program.AssertGone();
        Binary.Restore(Folder["again.pmi"], "--files", Folder["files2"], "--same-names");
        Assert.True(trap.Record.Length == 0, $"save: the image's {trap.Record}");
        program.AssertPasses();
    }

    private ProgramUnderTest Start(Trap trap, string variant, out int init, out int idle)
    {
        Trap.Open(Folder.Path);
        ProgramUnderTest hostile = ProgramUnderTest.StartCommand(
            Folder, [.. Trap.AsUser, Places.Program("hostile-static"), Folder["out"], trap.Place, variant]);
        Wait.Until(() => hostile.Lines is [.., "READY"] || !hostile.IsAlive, () => $"the trap does not get ready: {hostile.Log}");
        Assert.SkipWhen(hostile.Lines is [.., var last] && last.StartsWith("SKIP", StringComparison.Ordinal), hostile.Lines.LastOrDefault() ?? "");
        (init, idle) = (int.Parse(hostile.Lines[0]), int.Parse(hostile.Lines[1]));
        return hostile;
    }

    private static JsonElement NamespaceBlocker(Answer answer) => answer.Blockers.First(b => b.GetProperty("id").GetString() == "Namespace");

    /// <summary>Two bundled files change their names.</summary>
    private static void Swap(ForgedBundle bundle, string one, string other)
    {
        var (first, second) = (bundle.FileOf(one), bundle.FileOf(other));
        string name = ForgedBundle.State(first)["path"]!.GetValue<string>();
        ForgedBundle.State(first)["path"] = ForgedBundle.State(second)["path"]!.GetValue<string>();
        ForgedBundle.State(second)["path"] = name;
        // Behind the folder that it is in now.
        bundle.Objects.Remove(first);
        bundle.Objects.Add(first);
    }
}
