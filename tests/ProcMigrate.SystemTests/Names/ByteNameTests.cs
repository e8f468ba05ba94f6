using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Names;

/// <summary>Names are bytes: what is not UTF-8, or looks like an escape of ours or of the kernel's, comes back as it was.</summary>
public sealed class ByteNameTests : SystemTest
{
    /// <summary>caf, the byte 0xe9, .txt: as --json has it.</summary>
    private const string CafeInJson = "caf\0e9.txt";

    private string App => Folder["app"];

    [Fact]
    public void EveryKindOfName_SavedAndRestoredTwice_IsTheSame()
    {
        using ProgramUnderTest program = Start("bytenames", App, "named");
        program.SaveAndRestoreChanging(Image);
        program.SaveAndRestoreChanging(Folder["second.pmi"]);
        program.AssertPasses();
    }

    [Fact]
    public void Check_OfProcessAndImage_FindsNothingInTheWay()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        AssertWentWell(Binary.Run("check", $"{program.Pid}", "--json"));
        Binary.Save(program.Pid, Image);
        AssertWentWell(Binary.Run("check", Image, "--json"));
        Binary.Restore(Image);
        program.AssertPasses();
    }

    [Fact]
    public void Bundle_CarriesThem()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        Binary.Save(program.Pid, Image, "--bundle");
        Remove(App);
        Binary.Restore(Image, "--files", Folder["files"]);
        program.AssertPasses();
        string table = File.ReadAllText(Folder["files.json"]);
        Assert.Contains($"{App}/w\\u0000e9rk/caf\\u0000e9.txt", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Bundle_UnderTheOldNames()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        Binary.Save(program.Pid, Image, "--bundle");
        Remove(App);
        Binary.Restore(Image, "--files", Folder["files"], "--same-names");
        program.AssertPasses();
    }

    [Fact]
    public void Map_TakesAnyBytes()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        Binary.Save(program.Pid, Image);
        AssertWentWell(Shell("mv \"$2/app\" \"$2/$(printf 'x\\377y')\"; exec \"$0\" restore \"$1\" --json --map \"$2/app=$2/$(printf 'x\\377y')\""));
        program.AssertPasses();
    }

    /// <summary>The image's own name, and the folder in which the command is run.</summary>
    [Fact]
    public void ImageInAFolder_OfAnyName_IsFoundAgain()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        Answer saved = AssertWentWell(Shell($"d=$(printf 'd\\311'); mkdir \"$2/$d\"; cd \"$2/$d\"; exec \"$0\" save {program.Pid} -o \"$(printf 'im\\351.pmi')\" --json"));
        Assert.Equal($"{Folder.Path}/d\0c9/im\0e9.pmi", saved.Final!.Value.GetProperty("image").GetProperty("path").GetString());
        AssertWentWell(Shell("cd \"$2/$(printf 'd\\311')\"; exec \"$0\" restore \"$(printf 'im\\351.pmi')\" --json"));
        program.AssertPasses();
    }

    /// <summary>The command goes into namespaces and begins there anew: with the same arguments, in the same folder.</summary>
    [Fact]
    public void PidNamespace_AndASecondSaveFromOutside()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        Binary.Save(program.Pid, Image);
        Answer restored = AssertWentWell(Shell(
            "mkdir \"$2/$(printf 'd\\311')\"; cd \"$2/$(printf 'd\\311')\"; mv ../app ../\"$(printf 'x\\377')\"; ln -s ../image.pmi \"$(printf 'im\\351.pmi')\"; "
            + "exec \"$0\" restore \"$(printf 'im\\351.pmi')\" --pid-namespace --json --map \"$2/app=$2/$(printf 'x\\377')\""));
        using (TreeInNamespace tree = TreeInNamespace.Of(restored))
            AssertWentWell(Shell($"cd \"$2/$(printf 'd\\311')\"; exec \"$0\" save {tree.Pid} -o \"$(printf '2\\351.pmi')\" --json"));
        using TreeInNamespace again = TreeInNamespace.Of(AssertWentWell(Shell("cd \"$2/$(printf 'd\\311')\"; exec \"$0\" restore \"$(printf '2\\351.pmi')\" --pid-namespace --json")));
        PidNamespaceTests.AssertPasses(program.OutPath, again, 1);
    }

    [Fact]
    public void Inspect_TellsTheBytes_InValidJson()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        Binary.Save(program.Pid, Image);
        Answer told = AssertWentWell(Binary.Run("inspect", Image, "--detailed", "--json"));
        JsonElement contents = told.Final!.Value.GetProperty("contents");
        string[] files = [.. contents.GetProperty("files").EnumerateArray().Select(file => file.GetString()!)];
        Assert.Contains($"{App}/w\0e9rk/{CafeInJson}", files);
        Assert.Contains($"{App}/w\0e9rk/a\\u0000e9", files);
        Assert.Contains($"{App}/w\0e9rk/\ufffd", files);
        Assert.Contains($"{App}/w\0e9rk/b\\012c\0e9", files);
        JsonElement root = contents.GetProperty("processes")[0];
        Assert.Equal("t\0e9\\n\n", root.GetProperty("name").GetString());
        Assert.Equal("arg\0ff\0fe", root.GetProperty("commandLine").EnumerateArray().Last().GetString());
        Assert.Equal("V\0e4R=v\0e9", root.GetProperty("environment")[0].GetString());
        Binary.Restore(Image);
        program.AssertPasses();
    }

    [Fact]
    public void Core_HasTheBytesThemselves()
    {
        using ProgramUnderTest program = Start("bytenames", App, "moved");
        Binary.Save(program.Pid, Image);
        AssertWentWell(Binary.Run("export", Image, "--core", Folder["core"], "--json"));
        ReadOnlySpan<byte> core = File.ReadAllBytes(Folder["core"]);
        Assert.True(core.IndexOf("/w\u00e9rk/caf\u00e9.txt\0"u8) < 0);
        Assert.True(core.IndexOf((byte[])[.. "/w"u8, 0xe9, .. "rk/caf"u8, 0xe9, .. ".txt\0"u8]) > 0);
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>$0 the binary, $1 the image, $2 the test's folder.</summary>
    private Answer Shell(string script) => Binary.RunThis(["/bin/sh", "-c", script, Places.Binary, Image, Folder.Path]);

    private static Answer AssertWentWell(Answer answer)
    {
        Assert.True(answer.ExitCode == 0, $"{answer}");
        return answer;
    }

    private static void Remove(string folder) => Assert.Equal(0, Tool.Run("rm", "-rf", folder).ExitCode);

    private protected override void Dispose(bool disposing)
    {
        // .NET cannot delete what it cannot name.
        Tool.Run("find", Folder.Path, "-mindepth", "1", "-delete");
        base.Dispose(disposing);
    }
}
