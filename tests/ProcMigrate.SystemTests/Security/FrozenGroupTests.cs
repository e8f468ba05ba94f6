using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>A process in a frozen control group does nothing that is asked of it: save and restore name the group and what thaws it, and never hang.</summary>
public sealed class FrozenGroupTests : SystemTest
{
    private readonly List<string> mounted = [];
    private readonly List<string> groups = [];

    [Theory]
    [InlineData("cgroup", false)]
    [InlineData("cgroup", true)]
    [InlineData("cgroup2", false)]
    [InlineData("cgroup2", true)]
    public void FrozenProgram_IsRefusedByName_AndGoesOnWhenItIsThawed(string type, bool outer)
    {
        string group = MakeGroup(type), inner = outer ? MakeGroup(group, "inner") : group;
        using ProgramUnderTest program = Start("threads64");
        File.WriteAllText($"{inner}/cgroup.procs", $"{program.Pid}");
        Freeze(group, type);
        foreach (string[] command in (string[][])[["check", $"{program.Pid}"], ["save", $"{program.Pid}", "-o", Image], ["save", $"{program.Pid}", "-o", Image, "--leave-running"]])
            AssertNamed(Binary.RunAs(["timeout", "-s", "KILL", "30"], [.. command, "--json"]), group);
        Thaw(AssertNamed(Binary.Run("check", $"{program.Pid}", "--json"), group));
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        Freeze(group, type);
        AssertNamed(Binary.RunAs(["timeout", "-s", "KILL", "30"], "check", Image, "--json"), group);
        string remedy = AssertNamed(Binary.RunAs(["timeout", "-s", "KILL", "30"], "restore", Image, "--json"), group);
        Thaw(remedy);
        Binary.Restore(Image);
        Assert.Contains($"{program.Pid}", File.ReadAllLines($"{inner}/cgroup.procs"));
        program.AssertPasses();
    }

    private static string AssertNamed(Answer answer, string group)
    {
        Assert.True(answer.ExitCode == 3, $"{answer}");
        JsonElement blocker = Assert.Single(answer.Blockers);
        Assert.Equal("FrozenGroup", blocker.GetProperty("id").GetString());
        Assert.Contains(group, blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        return blocker.GetProperty("remedy").GetString()!;
    }

    /// <summary>Does what the remedy says.</summary>
    private static void Thaw(string remedy)
    {
        string command = remedy[remedy.IndexOf("echo ", StringComparison.Ordinal)..remedy.IndexOf(" (", StringComparison.Ordinal)];
        Tool.Result result = Tool.Run("/bin/sh", "-c", command);
        Assert.True(result.ExitCode == 0, $"{command}: {result.Error}");
    }

    private static void Freeze(string group, string type)
    {
        if (type == "cgroup")
        {
            File.WriteAllText($"{group}/freezer.state", "FROZEN");
            Wait.Until(() => File.ReadAllText($"{group}/freezer.state") == "FROZEN\n", () => "the group does not freeze");
            return;
        }
        File.WriteAllText($"{group}/cgroup.freeze", "1");
        Wait.Until(() => File.ReadAllText($"{group}/cgroup.events").Contains("frozen 1", StringComparison.Ordinal), () => "the group does not freeze");
    }

    private string MakeGroup(string type) => MakeGroup(HierarchyOf(type), $"procmigrate-test-{Environment.ProcessId}-{Guid.NewGuid():N}");

    private string MakeGroup(string above, string name)
    {
        groups.Add(Directory.CreateDirectory($"{above}/{name}").FullName);
        return groups[^1];
    }

    /// <summary>Where the hierarchy is mounted, by us if by nobody else.</summary>
    private string HierarchyOf(string type)
    {
        foreach (string line in File.ReadAllLines("/proc/self/mountinfo"))
        {
            string[] fields = line.Split(' ');
            int dash = Array.IndexOf(fields, "-");
            if (fields[dash + 1] == type && fields[3] == "/" && (type == "cgroup2" || fields[dash + 3].Split(',').Contains("freezer"))
                && File.Exists($"{fields[4]}/cgroup.procs"))
                return fields[4];
        }
        string folder = Directory.CreateDirectory(Folder[type]).FullName;
        string[] options = type == "cgroup" ? ["-o", "freezer"] : [];
        Tool.Result result = Tool.Run("mount", ["-t", type, .. options, "none", folder]);
        Assert.SkipWhen(result.ExitCode != 0, $"{type} cannot be mounted here: {result.Error}");
        mounted.Add(folder);
        return folder;
    }

    private protected override void Dispose(bool disposing)
    {
        // The innermost first, and not frozen, or what is in it cannot even end.
        groups.Reverse();
        foreach (string group in groups)
        {
            string file = File.Exists($"{group}/cgroup.freeze") ? "cgroup.freeze" : "freezer.state";
            File.WriteAllText($"{group}/{file}", file == "cgroup.freeze" ? "0" : "THAWED");
            Wait.Until(() => File.ReadAllText($"{group}/cgroup.procs").Length == 0, () => $"somebody is still in {group}");
            Directory.Delete(group);
        }
        mounted.ForEach(folder => Tool.Run("umount", folder));
        base.Dispose(disposing);
    }
}
