using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Processes;

/// <summary>Limits under which the restore itself runs: they are named before anything is made, and soft ones are not the program's.</summary>
public sealed class LimitTests : SystemTest
{
    [Fact]
    public void ControlGroupWithTooLittleMemory_IsNamed()
    {
        using ProgramUnderTest program = Start("memory", "64");
        Binary.Save(program.Pid, Image);
        string mount = Folder["groups"];
        Directory.CreateDirectory(mount);
        Assert.SkipUnless(Tool.Run("/bin/mount", "-t", "cgroup", "-o", "memory", "none", mount).ExitCode == 0, "no memory controller of version 1 here");
        string group = $"{mount}/procmigrate-test-{Environment.ProcessId}";
        Directory.CreateDirectory(group);
        try
        {
            File.WriteAllText($"{group}/memory.limit_in_bytes", $"{32 << 20}");
            Answer refused = Binary.RunAs(["/bin/sh", "-c", $"echo $$ >{group}/cgroup.procs && exec \"$0\" \"$@\""], "restore", Image, "--json");
            Assert.Equal(3, refused.ExitCode);
            JsonElement blocker = Assert.Single(refused.Blockers);
            Assert.Equal("MemorySpace", blocker.GetProperty("id").GetString());
            Assert.Contains(Path.GetFileName(group), blocker.GetProperty("why").GetString(), StringComparison.Ordinal);
            Answer forced = Binary.RunAs(["/bin/sh", "-c", $"echo $$ >{group}/cgroup.procs && exec \"$0\" \"$@\""], "restore", Image, "--force", "--json");
            Assert.Equal((1, "RestoreDied"), (forced.ExitCode, forced.ErrorId));
            Assert.Contains(Path.GetFileName(group), forced.Message, StringComparison.Ordinal);
            Wait.Until(() => !Proc.Exists(program.Pid), () => "something of the tree is left");
            File.WriteAllText($"{group}/memory.limit_in_bytes", $"{512 << 20}");
            Answer restored = Binary.RunAs(["/bin/sh", "-c", $"echo $$ >{group}/cgroup.procs && exec \"$0\" \"$@\""], "restore", Image, "--json");
            Assert.True(restored.ExitCode == 0, $"{restored}");
            program.AssertPasses();
        }
        finally
        {
            Wait.Until(() => RemoveGroup(group), () => "the group is still in use");
            Assert.Equal(0, Tool.Run("/bin/umount", mount).ExitCode);
        }
    }

    [Theory]
    [InlineData("--as=400000000:400000000", "-v")]
    [InlineData("--data=200000000:200000000", "-d")]
    public void AddressSpaceThatIsLimited_IsNamed(string limit, string option)
    {
        using ProgramUnderTest program = Start("memory", "512");
        Binary.Save(program.Pid, Image);
        Answer refused = Binary.RunAs(["/usr/bin/prlimit", limit], "restore", Image, "--json");
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains(refused.Blockers, b => b.GetProperty("id").GetString() == "MemorySpace" && b.GetProperty("why").GetString()!.Contains($"ulimit -H {option}", StringComparison.Ordinal));
    }

    [Fact]
    public void SoftLimits_AreNotThePrograms()
    {
        using ProgramUnderTest program = Start("attributes");
        Binary.Save(program.Pid, Image);
        Answer restored = Binary.RunAs(["/usr/bin/prlimit", "--data=300000000:", "--memlock=4096:", "--fsize=4096:", "--nofile=64:"], "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        program.AssertPasses();
    }

    private static bool RemoveGroup(string group)
    {
        try
        {
            Directory.Delete(group);
            return true;
        }
        catch (IOException)
        {
            // A process of it is still ending.
            return false;
        }
    }
}
