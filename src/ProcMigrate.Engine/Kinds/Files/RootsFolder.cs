using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>Whether nobody but root can have put a folder where it is.</summary>
internal static class RootsFolder
{
    private const int WrittenByOthers = 0x12, Sticky = 0x200;

    public static bool Is(string path)
    {
        for (string? folder = path; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            // A link is no folder here. In a sticky one (/tmp), others cannot rename what is root's.
            if (FileStatus.TryOfPath(folder, follow: false) is not { Type: FileType.Directory, Uid: 0 } status
                || (status.Mode & WrittenByOthers) != 0 && (status.Mode & Sticky) == 0)
                return false;
        }
        return true;
    }
}
