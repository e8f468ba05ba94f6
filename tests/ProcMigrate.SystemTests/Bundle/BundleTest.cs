using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Bundle;

/// <summary>What tests of bundles share: a program with a folder of its own, which is gone when the image comes alive.</summary>
public abstract class BundleTest : SystemTest
{
    private protected const int Failed = 1, Refused = 3, ImageUnreadable = 4;

    /// <summary>Where the program under test has its files.</summary>
    private protected string App => Folder["app"];

    private protected string Files => Folder["files"];

    private protected ProgramUnderTest StartBundled(params string[] more) => Start("bundled", [App, .. more]);

    /// <summary>Saves, and takes the program's folder away.</summary>
    private protected void SaveAndRemoveFolder(ProgramUnderTest program, params string[] more)
    {
        Binary.Save(program.Pid, Image, ["--bundle", .. more]);
        Directory.Delete(App, recursive: true);
    }

    private protected static JsonElement FilesOf(Answer answer) => answer.Final!.Value.GetProperty("files");

    /// <summary>The names of all that lies in a folder and below, relative to it.</summary>
    private protected static string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder, path)).Order(StringComparer.Ordinal)];
}
