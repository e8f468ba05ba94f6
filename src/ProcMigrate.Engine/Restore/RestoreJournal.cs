using System.Globalization;
using ProcMigrate.Engine.Bundle;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Which images this user has restored here, a line each: a second copy of a program draws the same random numbers, and thinks
/// that ids and lock files are its own. Only told, never a reason to fail: without a place to note it nothing is noted.
/// </summary>
internal static class RestoreJournal
{
    private const long Longest = 64 * 1024;

    private static string Path => System.IO.Path.Combine(FilesFolder.StateFolder(), "procmigrate", "restored");

    /// <summary>A warning where the image has been restored before.</summary>
    public static void Look(RestoreContext context)
    {
        string id = context.Tree.Id.ToString();
        try
        {
            foreach (string line in File.ReadLines(Path))
            {
                if (!line.StartsWith(id, StringComparison.Ordinal))
                    continue;
                context.Warnings.Add(
                    $"this image was restored here before ({line[(id.Length + 1)..]}): what it holds of random seeds, unique ids and lock files is now in the world twice");
                return;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // None yet, or none for us.
        }
    }

    public static void Note(RestoreContext context, int pid)
    {
        string path = Path;
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            // What is long past makes room.
            if (new FileInfo(path) is { Exists: true, Length: > Longest })
                File.Move(path, path + ".old", overwrite: true);
            File.AppendAllText(path, string.Create(CultureInfo.InvariantCulture, $"{context.Tree.Id} {DateTime.Now:yyyy-MM-dd HH:mm:ss}, pid {pid}\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that is not ours, a full disk: the tree runs all the same.
        }
    }
}
