using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>
/// The names by which programs were called. A process chooses its own (execve(2) takes any text as argv[0]), and we may have more rights
/// than it has: of the file under that name, nothing may come into an image that its user reads which he could not have read himself.
/// </summary>
internal static class ProgramNames
{
    private const int ReadByAll = 0x4, SearchedByAll = 0x1;

    /// <summary>Whether it is what the process executes, or what all users may read. If in doubt, it is not.</summary>
    public static bool IsForTheProcess(int pid, string name, in FileStatus file)
    {
        string process = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}");
        if (FileStatus.TryOfPath($"{process}/exe") is { } executable && executable.IsSameFile(file))
            return true;
        return IsReadByAll(name, file) && SeesOurFiles(process);
    }

    private static bool IsReadByAll(string name, in FileStatus file)
    {
        // By an access list some of them may not.
        if ((file.Mode & ReadByAll) == 0 || ExtendedAttributes.HasAccessList(name))
            return false;
        // A name with links or dots may lead through folders that do not stand in it.
        for (string part = name; part.Length > 0; part = part[..part.LastIndexOf('/')])
        {
            if (FileStatus.TryOfPath(part, follow: false) is not { } status || part.EndsWith("/..", StringComparison.Ordinal))
                return false;
            bool open = part.Length == name.Length ? status.IsSameFile(file) : status.Type == FileType.Directory && (status.Mode & SearchedByAll) != 0;
            if (!open)
                return false;
        }
        return true;
    }

    /// <summary>The same folder on the same mount: another namespace of mounts has mounts of its own.</summary>
    private static bool SeesOurFiles(string process) =>
        FileStatus.TryOfPath($"{process}/root/") is { } root && FileStatus.OfPath("/") is var ours && root.IsSameFile(ours) && root.MountId == ours.MountId;
}
