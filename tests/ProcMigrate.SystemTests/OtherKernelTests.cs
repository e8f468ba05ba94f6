using System.Globalization;
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

    private static ulong Vdso(int pid)
    {
        string line = File.ReadLines($"/proc/{pid}/maps").Single(l => l.EndsWith("[vdso]", StringComparison.Ordinal));
        return ulong.Parse(line.Split('-')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
