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

    private static ulong Vdso(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/maps").Single(l => l.EndsWith("[vdso]", StringComparison.Ordinal));
        return ulong.Parse(line.Split('-')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
