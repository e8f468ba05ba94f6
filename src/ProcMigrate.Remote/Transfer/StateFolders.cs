using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Remote.Transfer;

/// <summary>
/// Folders for what we note for ourselves. What is read there is acted upon: programs are killed or woken, a host is called with options that
/// can run commands. So a folder that somebody else has made, or may write to, is none of ours, wherever the environment leads: as root with
/// another user's HOME, most of all.
/// </summary>
internal static class StateFolders
{
    /// <summary>Bits of a mode: what others than the owner may do.</summary>
    public const int Others = 0x3f;

    public const int OthersWrite = 0x12;
    private const UnixFileMode OwnerWrites = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static uint OwnId => (uint)RawSyscall.Call(SyscallNumber.geteuid, "this process");

    /// <summary>The folder and the one above it, made if they are not there.</summary>
    /// <exception cref="RemoteException">It cannot be made, or is not ours alone.</exception>
    public static string Make(string above, string name)
    {
        string folder = Path.Combine(above, name);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(above)!);
            Directory.CreateDirectory(above, OwnerWrites);
            Directory.CreateDirectory(folder, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable($"the folder {folder} cannot be made: {IoFailure.Describe(e)}; choose another with XDG_STATE_HOME");
        }
        Close(above);
        Check(folder);
        return folder;
    }

    /// <summary>The same, where it is there; else null.</summary>
    public static string? Find(string above, string name)
    {
        string folder = Path.Combine(above, name);
        if (!Path.Exists(folder))
            return null;
        Close(above);
        Check(folder);
        return folder;
    }

    /// <summary>
    /// Versions before made it as the umask said, which often lets the group write. That could put another folder in the place of one
    /// of ours, which shows by its owner, and nothing into one. So it is enough to end it.
    /// </summary>
    private static void Close(string above)
    {
        FileStatus status = Look(above);
        if (status.Type == FileType.Directory && status.Uid == OwnId && (status.Mode & OthersWrite) != 0)
            File.SetUnixFileMode(above, (UnixFileMode)(status.Mode & ~OthersWrite));
        Check(above);
    }

    private static FileStatus Look(string folder)
    {
        try
        {
            return FileStatus.OfPath(folder, follow: false);
        }
        catch (LinuxException e)
        {
            throw Unusable($"the folder {folder} cannot be looked at: {Errno.Describe(e.Errno)}; choose another with XDG_STATE_HOME");
        }
    }

    private static void Check(string folder)
    {
        FileStatus status = Look(folder);
        string? why = status.Type != FileType.Directory ? "is no folder"
            : status.Uid != OwnId ? string.Create(CultureInfo.InvariantCulture, $"belongs to another user (uid {status.Uid}; you are {OwnId})")
            : (status.Mode & OthersWrite) != 0 ? "can be written by others than its owner"
            : null;
        if (why is not null)
            throw Unusable($"{folder} {why}, and what is noted there is acted upon. Set XDG_STATE_HOME to a folder of your own, or see whose it is and remove it");
    }

    private static RemoteException Unusable(string message) => new(RemoteFailure.TargetUnusable, "", message);
}
