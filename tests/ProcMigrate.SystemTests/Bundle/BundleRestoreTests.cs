using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Bundle;

/// <summary>Programs that come alive where their files are not.</summary>
public sealed class BundleRestoreTests : BundleTest
{
    [Fact]
    public void WithoutItsFolder_GoesOnWithFilesUnderNewNames()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        Answer restored = Binary.Restore(Image, "--files", Files);
        Assert.Equal($"{Files}{App}", Proc.ReadLink($"/proc/{program.Pid}/cwd"));
        Assert.Equal(Files + Places.Program("bundled"), Proc.ReadLink($"/proc/{program.Pid}/exe"));
        JsonElement files = FilesOf(restored);
        Assert.Equal(Files, files.GetProperty("folder").GetString());
        var names = files.GetProperty("names").EnumerateArray().ToDictionary(n => n.GetProperty("old").GetString()!, n => n.GetProperty("new").GetString());
        Assert.Equal($"{Files}{App}/data", names[$"{App}/data"]);
        using (JsonDocument table = JsonDocument.Parse(File.ReadAllText(files.GetProperty("table").GetString()!)))
        {
            Assert.Equal(files.GetProperty("count").GetInt32(), table.RootElement.GetProperty("files").GetArrayLength());
            Assert.All(table.RootElement.GetProperty("files").EnumerateArray(), row => Assert.True(Path.Exists(row.GetProperty("new").GetString())));
        }
        program.AssertPasses();
        Assert.False(Path.Exists(App));
        Assert.Equal("begins. and more", File.ReadAllText($"{Files}{App}/log"));
    }

    [Fact]
    public void WithSameNames_FindsFilesByTheirOldNames_AndNobodyElseDoes()
    {
        using ProgramUnderTest program = StartBundled("names");
        SaveAndRemoveFolder(program);
        Binary.Restore(Image, "--files", Files, "--same-names");
        Assert.Equal(App, Proc.ReadLink($"/proc/{program.Pid}/cwd"));
        Assert.False(Path.Exists(App));
        program.AssertPasses();
        Assert.False(Path.Exists(App));
        Assert.Equal("begins. and more", File.ReadAllText($"{Files}{App}/log"));
    }

    [Fact]
    public void TwoCopiesAtOnce_HaveFilesOfTheirOwn()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        string[] state = ["env", $"XDG_STATE_HOME={Folder["state"]}"];
        Answer[] copies = [Run(), Run()];
        string[] folders = [.. copies.Select(copy => FilesOf(copy).GetProperty("folder").GetString()!)];
        Assert.Equal(["files", "files.2"], folders.Select(Path.GetFileName));
        foreach (Answer copy in copies)
            Assert.Equal(0, Native.Kill(copy.Final!.Value.GetProperty("pid").GetInt32(), Native.SIGUSR1));
        Wait.Until(() => program.Lines.Length == 3, () => $"no two verdicts: {string.Join('|', program.Lines)}");
        Assert.Equal(["READY", "PASS", "PASS"], program.Lines);
        Assert.All(folders, folder => Assert.Equal("begins. and more", File.ReadAllText($"{folder}{App}/log")));

        Answer Run()
        {
            Answer answer = Binary.RunAs(state, "restore", Image, "--json", "--pid-namespace");
            Assert.True(answer.ExitCode == 0, answer.ToString());
            return answer;
        }
    }

    [Fact]
    public void LeftOverOfAKilledRestore_IsRemoved()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        using JsonDocument inspected = JsonDocument.Parse(Binary.Run("inspect", Image, "--json").Output.Split('\n')[0]);
        string folder = Path.Combine(Folder["state"], "procmigrate", inspected.RootElement.GetProperty("image").GetProperty("id").GetString()!, "files");
        Directory.CreateDirectory($"{folder}/usr/half");
        File.WriteAllText(folder + ".unpacking", "");
        Answer restored = Binary.RunAs(["env", $"XDG_STATE_HOME={Folder["state"]}"], "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, restored.ToString());
        Assert.Equal(folder, FilesOf(restored).GetProperty("folder").GetString());
        Assert.False(Path.Exists($"{folder}/usr/half"));
        program.AssertPasses();
    }

    /// <summary>An ordinary user has the mounts in a user namespace.</summary>
    [Fact]
    public void OrdinaryUser_SeesFilesUnderTheirOldNames()
    {
        Open(Folder.Path);
        File.Copy(Places.Binary, Folder["procmigrate"]);
        string[] user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", $"XDG_STATE_HOME={Folder["state"]}"];
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(
            Folder, [.. user, Places.Program("bundled"), Folder["out"], App, "names"]);
        Wait.Until(() => program.Lines is ["READY"] || !program.IsAlive, () => "not ready: " + program.Log);
        SaveAndRemoveFolder(program);
        Open(Image);
        Answer restored = Binary.RunThis([.. user, Folder["procmigrate"], "restore", Image, "--json", "--pid-namespace", "--same-names"]);
        Assert.True(restored.ExitCode == 0, restored.ToString());
        Assert.Equal(0, Native.Kill(restored.Final!.Value.GetProperty("pid").GetInt32(), Native.SIGUSR1));
        Wait.Until(() => program.Lines.Length > 1, () => "no verdict");
        Assert.Equal(["READY", "PASS"], program.Lines);

        static void Open(string path) => File.SetUnixFileMode(path, (UnixFileMode)0x1ff); // 0777
    }

    [Fact]
    public void ReuseHostFiles_TakesWhatIsTheSameAndNotWritten()
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image, "--bundle");
        File.WriteAllText($"{App}/table", "not the same");
        Answer restored = Binary.Restore(Image, "--files", Files, "--reuse-host-files");
        var names = FilesOf(restored).GetProperty("names").EnumerateArray().ToDictionary(n => n.GetProperty("old").GetString()!, n => n.GetProperty("new").GetString());
        string program0 = Places.Program("bundled");
        Assert.Equal(program0, names[program0]);
        Assert.All(names.Where(name => name.Key.Contains("libc.so", StringComparison.Ordinal)), name => Assert.Equal(name.Key, name.Value));
        foreach (string unpacked in (string[])["log", "sparse", "table"])
            Assert.Equal($"{Files}{App}/{unpacked}", names[$"{App}/{unpacked}"]);
        Assert.Equal(program0, Proc.ReadLink($"/proc/{program.Pid}/exe"));
        Assert.Equal("begins.", File.ReadAllText($"{App}/log"));
    }

    [Fact]
    public void PythonWithTwentyModules_GoesOnWithItsFiles_AndImportsOneMore()
    {
        WriteFilesOfPython();
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(
            Folder, "/usr/bin/python3", Path.Combine(Places.Root, "tests/programs/bundled.py"), Folder["out"], App, "late");
        Wait.Until(() => program.Lines is ["READY"] || !program.IsAlive, () => "python does not get ready: " + program.Log);
        SaveAndRemoveFolder(program, "--include", App);
        Binary.Restore(Image, "--files", Files, "--same-names");
        program.AssertPasses();
        Assert.Equal("begins\ngoes on\n", File.ReadAllText($"{Files}{App}/log.txt"));
    }

    [Fact]
    public void ProgramWithPlugins_LoadsOneThatItNeverHadOpen()
    {
        Directory.CreateDirectory(App);
        foreach (string plugin in (string[])["one.so", "two.so"])
            File.Copy(Path.Combine(Places.Programs, "plugins.d", plugin), $"{App}/{plugin}");
        File.WriteAllText($"{App}/settings", "colour=blue\n");
        using ProgramUnderTest program = Start("plugins", App);
        SaveAndRemoveFolder(program, "--include", App);
        Binary.Restore(Image, "--files", Files, "--same-names");
        program.AssertPasses();
    }

    [Fact]
    public void SavedAgain_MovesOnWithItsFiles()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        Binary.Restore(Image, "--files", Files);
        Binary.Save(program.Pid, Folder["again.pmi"], "--bundle");
        Directory.Delete(Files, recursive: true);
        Binary.Restore(Folder["again.pmi"], "--files", Folder["files2"]);
        program.AssertPasses();
        Assert.Equal("begins. and more", File.ReadAllText($"{Folder["files2"]}{Files}{App}/log"));
    }

    private void WriteFilesOfPython()
    {
        Directory.CreateDirectory(App);
        File.WriteAllLines($"{App}/table.csv", ["name,value", "a,0", .. Enumerable.Range(1, 999).Select(i => $"row{i},{i}")]);
        File.WriteAllBytes($"{App}/numbers.bin", [.. Enumerable.Range(0, 1000).SelectMany(i => BitConverter.GetBytes((double)i))]);
        File.WriteAllText($"{App}/latecomer.py", "def answer():\n    return 42\n");
        string facts = string.Join(",", Enumerable.Range(0, 100).Select(i => $"('f{i}',{i})"));
        Tool.Result made = Tool.Run("/usr/bin/sqlite3", $"{App}/facts.db", $"create table facts(name, value); insert into facts values {facts};");
        Assert.True(made.ExitCode == 0, made.Error);
    }
}
