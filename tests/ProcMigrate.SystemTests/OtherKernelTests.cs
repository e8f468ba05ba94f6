using System.Globalization;
using System.Text.Json.Nodes;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>
/// A kernel whose vdso is another, played by an image in which a byte of it is changed that no code reads (the ELF header's padding).
/// What really different kernels do is seen at night (<see cref="Remote.DifferentHostTests"/>).
/// </summary>
public sealed class OtherKernelTests : SystemTest
{
    private const int Padding = 15;

    [Theory]
    [InlineData("vdso")]
    [InlineData("clocks")]
    [InlineData("steady")]
    [InlineData("cow")]
    public void Program_WithAnotherVdso_AndBackToItsOwn_Passes(string line)
    {
        using ProgramUnderTest program = Start(line);
        ulong first = Vdso(program.Pid);
        program.SaveAndRestoreChanging(Image, () => ForgedImage.SetMemory(Image, first + Padding, 1));
        ulong second = Vdso(program.Pid);
        Assert.NotEqual(first, second);

        program.SaveAndRestoreChanging(Folder["2.pmi"]);
        Assert.Equal(second, Vdso(program.Pid));

        program.SaveAndRestoreChanging(Folder["3.pmi"], () =>
        {
            ForgedImage.SetMemory(Folder["3.pmi"], second + Padding, 1);
            ForgedImage.SetMemory(Folder["3.pmi"], first + Padding, 0);
        });
        Assert.Equal(first, Vdso(program.Pid));
        program.AssertPasses();
    }

    /// <summary>
    /// Names of memory are for people who read maps: a kernel that knows none is good enough, and says so. The names are put into the image,
    /// since this kernel may be such a one.
    /// </summary>
    [Fact]
    public void Program_OnAKernelWithoutNamesOfMemory_LosesThem()
    {
        const string prctl = "157", PR_SET_VMA = "0x53564d41";
        using ProgramUnderTest program = Start("steady");
        Binary.Save(program.Pid, Image);
        var image = new ForgedBundle(Image);
        IEnumerable<JsonObject> all = image.Tree["processes"]![0]!["mappings"]!.AsArray().Select(m => m!.AsObject());
        JsonObject[] mappings = [.. all.Where(m => m["backing"]!.GetValue<string>() == "Anonymous" && m["name"] is null)];
        Assert.NotEmpty(mappings);
        foreach (JsonObject mapping in mappings)
            mapping["name"] = "[anon:a name]";
        image.Save(Folder["named.pmi"]);
        Answer restored = Binary.RunAs([Places.Program("refuse"), prctl, PR_SET_VMA], "restore", Folder["named.pmi"], "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        Assert.Contains("no names to private memory", $"{restored}", StringComparison.Ordinal);
        Assert.DoesNotContain("[anon:", File.ReadAllText($"/proc/{program.Pid}/maps"), StringComparison.Ordinal);
        program.AssertPasses();
    }

    /// <summary>Calls that only newer kernels know, or those built with more: told beforehand by check and by restore, with the program's pid.</summary>
    [Theory]
    [InlineData("memsettings", "merging of equal pages")]
    [InlineData("posixtimers", "timers of clock 31")]
    [InlineData("steady", "scheduling policy 12")]
    [InlineData("fanotify", "a fanotify group")]
    [InlineData("maps", "the seals")]
    public void CallThatThisKernelDoesNotKnow_IsRefusedByName(string program, string feature)
    {
        const string prctl = "157", PR_SET_MEMORY_MERGE = "67";
        using ProgramUnderTest saved = Start(program);
        Binary.Save(saved.Pid, Image);
        var image = new ForgedBundle(Image);
        Ask(image.Tree, program);
        image.Save(Folder["forged.pmi"]);
        foreach (string verb in (string[])["check", "restore"])
        {
            Answer answer = Binary.RunAs(program == "memsettings" ? [Places.Program("refuse"), prctl, PR_SET_MEMORY_MERGE] : [], verb, Folder["forged.pmi"], "--json");
            Assert.True(answer.ExitCode == 3, $"{verb}: {answer}");
            Assert.All(answer.Blockers, b => Assert.Equal("KernelFeature", b.GetProperty("id").GetString()));
            Assert.Contains(answer.Blockers, (System.Text.Json.JsonElement b) => b.GetProperty("what").GetString()!.Contains(feature, StringComparison.Ordinal));
        }
        Binary.Restore(Image);
        saved.AssertPasses();
    }

    /// <summary>Puts into an image what no kernel has.</summary>
    private static void Ask(JsonObject tree, string program)
    {
        JsonObject process = tree["processes"]![0]!.AsObject();
        switch (program)
        {
            case "posixtimers":
                process["aspects"]!["posix-timers"]![0]!["clock"] = 31;
                break;
            case "steady":
                process["threads"]![0]!["scheduling"]!["policy"] = 12;
                break;
            case "fanotify":
                Object(tree, "fanotify")["state"]!["group"] = 0x80000000;
                break;
            case "maps":
                Object(tree, "shared-memory", "memfd:")["state"]!["seals"] = 0x1000;
                break;
        }
    }

    private static JsonObject Object(JsonObject tree, string kind, string title = "") => tree["objects"]!.AsArray().Select(o => o!.AsObject()).First(
        o => o["kind"]!.GetValue<string>() == kind && o["title"]!.GetValue<string>().Contains(title, StringComparison.Ordinal));

    private static ulong Vdso(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/maps").Single(l => l.EndsWith("[vdso]", StringComparison.Ordinal));
        return ulong.Parse(line.Split('-')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
