using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text.Json.Nodes;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Processes;

/// <summary>
/// A program from a processor with fewer vector registers, played by this one: the image says that it had only those of AVX, and holds the
/// room for them in the loader. The program uses all that this processor has, and looks functions up.
/// </summary>
public sealed class LoaderSaveAreaTests : SystemTest
{
    // 64 bytes for integer registers, and the area of x87, SSE and AVX, as glibc rounds it up.
    private const ushort SmallRoom = 896;

    [Fact]
    public void Loader_OnAProcessorWithMoreRegisters_MakesRoomForThem()
    {
        Assert.SkipUnless(Avx512F.IsSupported, "a processor with AVX-512 is wanted");
        using ProgramUnderTest program = Start("lazy");
        (ulong variable, ulong size) = Told(program);
        Assert.True(size > SmallRoom, $"this processor's room is {size}");
        program.SaveAndRestoreChanging(Image, () => MakeSmall(Image, variable));
        program.AssertPasses();
    }

    /// <summary>Room that is larger than needed does no harm.</summary>
    [Fact]
    public void Loader_BackOnItsFirstProcessor_Works()
    {
        using ProgramUnderTest program = Start("lazy");
        program.SaveAndRestoreChanging(Image, () => MakeSmall(Image, variable: null));
        program.SaveAndRestoreChanging(Folder["back.pmi"]);
        program.AssertPasses();
    }

    private static (ulong Variable, ulong Size) Told(ProgramUnderTest program)
    {
        string[] words = program.Lines.Single(l => l.StartsWith("variable", StringComparison.Ordinal)).Split(' ');
        return (ulong.Parse(words[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture), ulong.Parse(words[2], CultureInfo.InvariantCulture));
    }

    private static void MakeSmall(string image, ulong? variable)
    {
        if (variable is { } address)
        {
            ForgedImage.SetMemory(image, address, SmallRoom & 0xff);
            ForgedImage.SetMemory(image, address + 1, SmallRoom >> 8);
        }
        var forged = new ForgedBundle(image);
        JsonObject cpu = forged.Tree["origin"]!["cpu"]!.AsObject();
        cpu["xcr0"] = 7;
        cpu["xsaveLayout"] = new JsonArray(new JsonObject { ["bit"] = 2, ["offset"] = 576, ["size"] = 256 });
        forged.Save(image);
    }
}
