using System.Globalization;
using System.Text;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Which images this user has restored here, a line each: a second copy of a program draws the same random numbers, and thinks
/// that ids and lock files are its own. Only told, never a reason to fail: without a place to note it nothing is noted, and what stands
/// there that no restore has written is passed over.
/// </summary>
internal static class RestoreJournal
{
    private const int Longest = 64 * 1024;
    private const string TimeFormat = "yyyy-MM-dd HH:mm:ss";
    private static readonly TimeSpan LockPatience = TimeSpan.FromMilliseconds(500);

    private static string Folder => System.IO.Path.Combine(FilesFolder.StateFolder(), "procmigrate");

    private static string Path => System.IO.Path.Combine(Folder, "restored");

    /// <summary>A warning where the image has been restored before.</summary>
    public static void Look(RestoreContext context)
    {
        string? line = Guarded(() => Read().Find(l => Parse(l) is { } entry && entry.Id == context.Tree.Id));
        if (line is not null)
        {
            context.Warnings.Add(
                $"this image was restored here before ({Parse(line)!.Value.When}): what it holds of random seeds, unique ids and lock files is now in the world twice");
        }
    }

    public static void Note(RestoreContext context, int pid) => Guarded(() =>
    {
        // Several restores may end at once; of two that write at the same time, one would not be in it.
        using FolderBeneath locked = StateFolders.MakeAndOpen(Folder, null);
        for (var start = DateTime.UtcNow; !FileLocks.TryLock(locked.Folder) && DateTime.UtcNow - start < LockPatience;)
            Thread.Sleep(2);
        List<string> lines = Read();
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"{context.Tree.Id} {DateTime.Now.ToString(TimeFormat, CultureInfo.InvariantCulture)}, pid {pid}"));
        // What is long past makes room.
        if (lines.Sum(l => l.Length + 1) > Longest)
            lines.RemoveRange(0, lines.Count / 2);
        StateFile.Write(Path, Encoding.ASCII.GetBytes(string.Join('\n', lines) + "\n"));
        return "";
    });

    /// <summary>The lines that a restore has written.</summary>
    private static List<string> Read()
    {
        var lines = new List<string>();
        if (StateFolders.Find(Folder, null) is null)
            return lines;
        foreach (string line in Encoding.ASCII.GetString(StateFile.TryRead(Path, 2 * Longest) ?? []).Split('\n'))
        {
            if (Parse(line) is not null)
                lines.Add(line);
        }
        return lines;
    }

    /// <summary><c>ID YYYY-MM-DD HH:MM:SS, pid N</c>; null where it is anything else, such as half of one.</summary>
    private static (Guid Id, string When)? Parse(string line)
    {
        const int IdLength = 36;
        if (line.Length <= IdLength || line[IdLength] != ' ' || !Guid.TryParseExact(line.AsSpan(0, IdLength), "D", out Guid id))
            return null;
        string when = line[(IdLength + 1)..];
        return when.Split(", pid ") is [var time, var pid]
            && DateTime.TryParseExact(time, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out _)
            && int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out _) ? (id, when) : null;
    }

    private static string? Guarded(Func<string?> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            // A folder that is not ours, a full disk: the tree runs all the same.
            return null;
        }
    }
}
