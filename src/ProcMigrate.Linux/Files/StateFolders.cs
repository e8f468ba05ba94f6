using System.Globalization;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>A folder for what we note for ourselves cannot be had, or is not ours alone.</summary>
public sealed class StateFolderException(string message) : IOException(message);

/// <summary>
/// Folders for what we note for ourselves. What is read there is acted upon: programs are killed or woken, files are removed, a host is called
/// with options that can run commands. So a folder that somebody else has made, or may write to, is none of ours, wherever the environment
/// leads: as root with another user's HOME, most of all.
/// </summary>
public static class StateFolders
{
    /// <summary>Bits of a mode: what others than the owner may do.</summary>
    public const int Others = 0x3f;

    public const int OthersWrite = 0x12;
    private const int OwnerWrites = 0x1ed; // 0755
    private const int OwnerOnly = 0x1c0; // 0700
    private const int All = 0x1ff; // 0777, less the umask
    private const OpenFlags Place = OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;

    public static uint OwnId => (uint)RawSyscall.Call(SyscallNumber.geteuid, "this process");

    /// <summary>The folder and the one above it, made if they are not there.</summary>
    /// <param name="name">Null for the one above alone.</param>
    /// <exception cref="StateFolderException">It cannot be made, or is not ours alone.</exception>
    public static string Make(string above, string? name)
    {
        MakeAndOpen(above, name).Dispose();
        return name is null ? above : Path.Combine(above, name);
    }

    /// <summary>The same, where it is there; else null.</summary>
    public static string? Find(string above, string? name)
    {
        using FolderBeneath? folder = TryOpen(above, name);
        return folder?.Path;
    }

    /// <summary>As <see cref="Make"/>, held open: what is done in it stays in it, whatever is renamed above.</summary>
    public static FolderBeneath MakeAndOpen(string above, string? name)
    {
        string folder = name is null ? above : Path.Combine(above, name);
        try
        {
            MakeAll(above, OwnerWrites);
            // Nothing is made in a folder that is not ours.
            TryOpen(above, null)?.Dispose();
            if (name is not null)
                MakeAll(folder, OwnerOnly);
            return TryOpen(above, name) ?? throw Unusable($"the folder {folder} was removed a moment ago; try again");
        }
        catch (LinuxException e)
        {
            throw Unusable($"the folder {folder} cannot be made: {Errno.Describe(e.Errno)}; choose another with XDG_STATE_HOME");
        }
    }

    /// <summary>As <see cref="Find"/>, held open.</summary>
    public static FolderBeneath? TryOpen(string above, string? name)
    {
        FolderBeneath? upper = TryOpen(above, () => FileCalls.Open(above, Place), isUpper: true);
        if (upper is null || name is null)
            return upper;
        using (upper)
            return TryOpen(Path.Combine(above, name), () => upper.OpenNext(name, Place), isUpper: false);
    }

    private static void MakeAll(string folder, int mode)
    {
        try
        {
            FolderCalls.MakeFolder(folder, mode);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            // Whatever it is: it is looked at next.
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT && Path.GetDirectoryName(folder) is { Length: > 1 } above)
        {
            MakeAll(above, All);
            FolderCalls.MakeFolder(folder, mode);
        }
    }

    private static FolderBeneath? TryOpen(string folder, Func<Descriptor> open, bool isUpper)
    {
        Descriptor place;
        try
        {
            place = open();
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
        catch (LinuxException e)
        {
            throw e.Errno is Errno.ENOTDIR or Errno.ELOOP ? NotOurs(folder, "is no folder")
                : Unusable($"the folder {folder} cannot be looked at: {Errno.Describe(e.Errno)}; choose another with XDG_STATE_HOME");
        }
        using (place)
        {
            Check(folder, place, isUpper);
            // For reading, too; through /proc it is this very folder, and no name is looked up.
            return new FolderBeneath(FileCalls.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{place.Number}"), OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY), folder);
        }
    }

    private static void Check(string path, Descriptor folder, bool isUpper)
    {
        FileStatus status = FileStatus.Of(folder);
        if (status.Uid != OwnId)
            throw NotOurs(path, string.Create(CultureInfo.InvariantCulture, $"belongs to another user (uid {status.Uid}; you are {OwnId})"));
        if ((status.Mode & OthersWrite) == 0)
            return;
        if (!isUpper)
            throw NotOurs(path, "can be written by others than its owner");
        // Versions before made it as the umask said, which often lets the group write. That could put another folder in the place of one
        // of ours, which shows by its owner, and nothing into one. So it is enough to end it.
        FolderCalls.SetMode(folder, status.Mode & ~OthersWrite);
    }

    private static StateFolderException NotOurs(string folder, string why) =>
        Unusable($"{folder} {why}, and what is noted there is acted upon. Set XDG_STATE_HOME to a folder of your own, or see whose it is and remove it");

    private static StateFolderException Unusable(string message) => new(message);
}
