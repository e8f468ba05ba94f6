using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>
/// Where files without a name are made: in the folder where each had its name, if that can be, so that it lies on the same file system and
/// /proc shows the same path. Else somewhere else: a name that is gone leads nobody to the file, so where it lies is a matter of room.
/// </summary>
internal sealed class NamelessPlaces(RestoreContext context)
{
    private readonly Dictionary<(ulong, ulong), long> _planned = [];
    private readonly Dictionary<(int, string), List<string>> _chosen = [];

    public static NamelessPlaces Of(RestoreContext context) => context.Shared("places of nameless files", () => new NamelessPlaces(context));

    /// <summary>The folder for a file, and others should that refuse it after all; none, and a blocker, where it cannot be made.</summary>
    /// <param name="creationFlags">See <see cref="DeletedFileKind.CreationFlagsOf"/>.</param>
    public IReadOnlyList<string> For(int objectId, DeletedFileState state, OpenFlags creationFlags)
    {
        if (!_chosen.TryGetValue((objectId, state.Path), out List<string>? folders))
            _chosen[(objectId, state.Path)] = folders = Choose(objectId, state, creationFlags);
        return folders;
    }

    private List<string> Choose(int objectId, DeletedFileState state, OpenFlags creationFlags)
    {
        if (!MayBeMade(state))
            return [];
        string own = Path.GetDirectoryName(state.Path) ?? "/";
        bool executable = ProgramFiles.Of(context).IsExecuted(objectId);
        long bytes = BytesOf(objectId, state);
        var fitting = new List<string>();
        string? why = WhyNot(own, bytes, executable);
        if (why is null)
            fitting.Add(own);
        // Made with O_TMPFILE, it may be about to get a name (open(2)), which it can have on its own file system only.
        if (creationFlags == 0)
            fitting.AddRange(Elsewhere().Where(folder => folder != own && WhyNot(folder, bytes, executable) is null));
        if (fitting.Count == 0)
        {
            context.Block(new Blocker(
                "DeletedFile", null, null, state.Path,
                $"the program uses a deleted file of {bytes:N0} bytes that lay here, and {why}; nor is there another place for it",
                "put that right, or restore where it is"));
            return fitting;
        }
        if (why is not null)
            context.WarnOnce($"the deleted file {state.Path} is made anew in {fitting[0]}: {why}");
        Plan(fitting[0], bytes);
        return fitting;
    }

    /// <summary>Whoever has a node of its own has the device, whatever the rights of /dev are.</summary>
    private bool MayBeMade(DeletedFileState state)
    {
        if (state.Type is not (FileType.CharacterDevice or FileType.BlockDevice) || context.Rights.MayMakeDevices)
            return true;
        context.Block(new Blocker(
            "DeletedFile", null, null, state.Path,
            $"the program uses a deleted node of the device {state.DeviceMajor}:{state.DeviceMinor}, and may make none itself (CAP_MKNOD)",
            "let the program open the device by a name below /dev before the save"));
        return false;
    }

    private long BytesOf(int objectId, DeletedFileState state)
    {
        // A copy of a file of this host is no object of the image.
        if (objectId < 0)
            return state.Size;
        long bytes = 0;
        foreach (MemoryExtent extent in context.Image.DataOf(objectId))
            bytes += extent.RawLength;
        return bytes;
    }

    private static IEnumerable<string> Elsewhere()
    {
        yield return "/var/tmp";
        yield return "/tmp";
        if (FilesFolder.StateFolder() is ['/', ..] state)
            yield return state;
        yield return "/dev/shm";
    }

    private void Plan(string folder, long bytes)
    {
        FileStatus at = FileStatus.OfPath(Existing(folder));
        _planned[(at.DeviceMajor, at.DeviceMinor)] = _planned.GetValueOrDefault((at.DeviceMajor, at.DeviceMinor)) + bytes;
    }

    /// <summary>Folders that are missing are made for the moment.</summary>
    private static string Existing(string folder)
    {
        while (folder != "/" && FileStatus.TryOfPath(folder) is null)
            folder = Path.GetDirectoryName(folder) ?? "/";
        return folder;
    }

    /// <returns>Why no file can be made in a folder, or null.</returns>
    private string? WhyNot(string folder, long bytes, bool executable)
    {
        const int W_OK = 2, X_OK = 1;
        string at = folder;
        try
        {
            at = Existing(folder);
            FileStatus status = FileStatus.OfPath(at);
            if (status.Type != FileType.Directory)
                return $"{at} is no folder here";
            if (status.KeepsNames)
                return $"{at} is immutable or append-only (lsattr; chattr -i -a)";
            FileCalls.CheckAccess(at, W_OK | X_OK);
            using Descriptor place = FileCalls.Open(at, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
            return WhyNot(FileSystem.Of(place), at, bytes + _planned.GetValueOrDefault((status.DeviceMajor, status.DeviceMinor)), executable);
        }
        catch (LinuxException e)
        {
            return $"none can be made in {at}: {e.Message}";
        }
    }

    private static string? WhyNot(in FileSystemStatus place, string at, long bytes, bool executable)
    {
        if (executable && place.ForbidsExecution)
            return $"the file system of {at} is mounted noexec, and it is a program or library";
        // A file system that counts no blocks or inodes has as many as it likes.
        long free = (long)Math.Min((ulong)long.MaxValue, place.f_bavail * (ulong)(place.f_frsize > 0 ? place.f_frsize : place.f_bsize));
        if (place.f_blocks > 0 && free < bytes)
            return $"of the file system of {at} {free:N0} bytes are free, and {bytes:N0} are needed";
        return place.f_files > 0 && place.f_ffree == 0 ? $"the file system of {at} has no inode left" : null;
    }
}
