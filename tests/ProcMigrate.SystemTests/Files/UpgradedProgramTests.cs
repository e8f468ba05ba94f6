using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Files;

/// <summary>
/// The files of a running program are replaced by rename, as every upgrade of a package does: it goes on with those that it was started
/// with, before the save and after the restore.
/// </summary>
public sealed class UpgradedProgramTests : SystemTest
{
    private string Program => Folder["app/server"];

    private string Library => Folder["app/library.so"];

    [Fact]
    public void Program_UpgradedWhileItRuns_GoesOnWithItsOldFiles_Twice()
    {
        using ProgramUnderTest program = StartInstalled();
        Upgrade();
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        Binary.Restore(Image);
        program.AssertRuns();
        AssertNew();
        Binary.Save(program.Pid, Folder["second.pmi"]);
        Binary.Restore(Folder["second.pmi"]);
        program.AssertPasses();
        AssertNew();
        Assert.Equal(["library.so", "server"], Names());
    }

    [Fact]
    public void Program_WhoseFilesAreDeleted_ComesBack_WithTheirFolder()
    {
        using ProgramUnderTest program = StartInstalled();
        Directory.Delete(Folder["app"], recursive: true);
        Binary.Save(program.Pid, Image);
        Binary.Restore(Image);
        Assert.Equal(Program + " (deleted)", Proc.ReadLink($"/proc/{program.Pid}/exe"));
        program.AssertPasses();
        Assert.False(Directory.Exists(Folder["app"]));
    }

    [Fact]
    public void Bundle_OfAnUpgradedProgram_HasWhatIsStillThere_AndTheProgramItsOldFiles()
    {
        using ProgramUnderTest program = StartInstalled();
        Upgrade();
        Binary.Save(program.Pid, Image, "--bundle");
        Directory.Delete(Folder["app"], recursive: true);
        Binary.Restore(Image, "--files", Folder["files"]);
        program.AssertPasses();
    }

    /// <summary>With --bundle, an upgrade between save and restore does not matter.</summary>
    [Fact]
    public void Program_UpgradedWhileItIsSaved_IsRefused_AndComesBackFromItsBundle()
    {
        using ProgramUnderTest program = StartInstalled();
        Binary.Save(program.Pid, Image, "--bundle");
        Binary.Restore(Image, "--files", Folder["first"]);
        Binary.Save(program.Pid, Folder["plain.pmi"]);
        Directory.Move(Folder["first"], Folder["second"]);
        Install(Folder["first"] + Program, "upgraded-new");
        Install(Folder["first"] + Library, "upgraded-new.so");
        Answer refused = Binary.Run("restore", Folder["plain.pmi"], "--json");
        Assert.True(refused.ExitCode == 3, $"{refused}");
        JsonElement[] changed = [.. refused.Blockers.Where(b => b.GetProperty("id").GetString() == "FileChanged")];
        Assert.Equal(2, changed.Length);
        Assert.All(changed, b => Assert.Contains("another build", b.GetProperty("why").GetString(), StringComparison.Ordinal));
        Assert.All(changed, b => Assert.Contains("--bundle", b.GetProperty("remedy").GetString(), StringComparison.Ordinal));
        Upgrade();
        Binary.Restore(Image, "--files", Folder["third"]);
        Assert.Equal(0, Native.Kill(program.Pid, Native.SIGUSR1));
        // The bundle's files have names, so the program is not one that was deleted: that alone it may say.
        Wait.Until(() => program.Lines[^1] != "READY", () => "no verdict");
        Assert.DoesNotContain("version", program.Lines[^1], StringComparison.Ordinal);
        Assert.DoesNotContain(" at ", program.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Interpreter_AndScript_UpgradedWhileTheyRun_GoOn()
    {
        const string python = "/usr/bin/python3";
        Assert.SkipUnless(File.Exists(python), "python3 is not installed");
        Directory.CreateDirectory(Folder["app"]);
        File.Copy(python, Program);
        string script = Folder["app/script"];
        File.WriteAllText(script, $"""
            #!{Program}
            import os, signal, sys
            out = open(sys.argv[1], 'a', buffering=1)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            mine = open(__file__)
            mine.readline()
            print('READY', file=out)
            signal.sigwait([signal.SIGUSR1])
            import json, decimal
            text = mine.read()
            right = 'sigwait' in text and json.loads('[1]') == [1] and str(decimal.Decimal('1.1') * 3) == '3.3'
            answer = os.popen('/proc/' + str(os.getpid()) + '/exe -c "print(6 * 7)"').read()
            print('PASS' if right and answer == '42\n' else 'FAIL ' + answer + text, file=out)
            """);
        File.SetUnixFileMode(script, (UnixFileMode)0x1ed);
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, script, Folder["out"]);
        Wait.Until(() => program.Lines is [.., "READY"] || !program.IsAlive, () => program.Log);
        Install(Program, "upgraded-new");
        Install(script, "upgraded-new");
        Binary.Save(program.Pid, Image);
        Binary.Restore(Image);
        program.AssertPasses();
    }

    private ProgramUnderTest StartInstalled()
    {
        Install(Program, "upgraded");
        Install(Library, "upgraded.so");
        return Start(Program, Library);
    }

    private void Upgrade()
    {
        Install(Program, "upgraded-new");
        Install(Library, "upgraded-new.so");
    }

    /// <summary>As dpkg does: beside it under another name, then renamed over it.</summary>
    private static void Install(string path, string version)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Copy(Places.Program(version), path + ".dpkg-new");
        File.Move(path + ".dpkg-new", path, overwrite: true);
    }

    private void AssertNew()
    {
        Assert.Equal(2, Tool.Run(Program, "version").ExitCode);
        Assert.Equal(File.ReadAllBytes(Places.Program("upgraded-new.so")), File.ReadAllBytes(Library));
    }

    private string[] Names() => [.. Directory.GetFileSystemEntries(Folder["app"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
