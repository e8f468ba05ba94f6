using System.Globalization;
using System.Text;
using ProcMigrate.Engine.Host;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Restore.Release;

/// <summary>
/// Takes back what restores that were killed have left: those whose <see cref="RestoreRecord"/> nobody locks and that did not come to their
/// decision. A record is read as what anybody may have written, and nothing is removed but what still is the very thing that was made then.
/// </summary>
internal static class RestoreRemains
{
    private const long Longest = 1 << 20;
    private const int WritableByOthers = 0x12; // 022

    private sealed record Header(string Boot, long Start, int Engine, string Ipc, string Pid);

    /// <summary>What there is, in words, without touching it.</summary>
    public static List<string> Find() => Look(remove: false);

    /// <returns>What was removed, in words.</returns>
    public static List<string> Clean() => Look(remove: true);

    private static List<string> Look(bool remove)
    {
        var found = new List<string>();
        try
        {
            using FolderBeneath? folder = RestoreRecord.TryOpenFolder();
            if (folder is null)
                return found; // None yet.
            foreach (string name in PathCalls.Names(folder.Folder, folder.Path).ToList())
                LookAt(folder, name, remove, found);
        }
        catch (StateFolderException e)
        {
            found.Add($"what nobody looks at: {e.Message}");
        }
        return found;
    }

    private static void LookAt(FolderBeneath folder, string name, bool remove, List<string> found)
    {
        try
        {
            if (TakeBackAll(folder, name, remove, found) && remove)
                folder.TryRemove(name, isFolder: false);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            found.Add($"{folder.Path}/{name}, which cannot be dealt with: {e.Message}");
        }
    }

    /// <returns>Whether the record is of no more use.</returns>
    private static bool TakeBackAll(FolderBeneath folder, string name, bool remove, List<string> found)
    {
        using Descriptor file = folder.Open(name, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
        FileStatus status = FileStatus.Of(file);
        // Somebody else's doing, or a restore under way.
        if (status.Type != FileType.Regular || status.Uid != Privileges.EffectiveUser || (status.Mode & WritableByOthers) != 0 || status.Size > Longest || !FileLocks.TryLock(file))
            return false;
        byte[] bytes = new byte[status.Size];
        string[] lines = Encoding.ASCII.GetString(bytes, 0, FileCalls.ReadAt(file, bytes, 0, name)).Split('\n');
        bool all = true;
        if (lines[0].Split('\t') is [var state, var boot, var start, var engine, var ipc, var pid] && state == $"{(char)RestoreRecord.Pending}{RestoreRecord.FormatVersion}")
        {
            var header = new Header(boot, Number(start), (int)Number(engine), ipc, pid);
            // The last made first. What follows the last line end was not written to its end, and so not made.
            for (int i = lines.Length - 2; i > 0; i--)
                all &= TakeBack(header, lines[i].Split('\t'), remove, found);
        }
        return all;
    }

    /// <returns>False for what is to be tried again at another time.</returns>
    private static bool TakeBack(Header header, string[] fields, bool remove, List<string> found) => fields switch
    {
        ["sysv", var kind, var id, var key] when Enum.TryParse(kind, out SysvKind of) => TakeBackSysv(header, of, (int)Number(id), (int)Number(key), remove, found),
        ["file", var path, var device, var inode] => TakeBackPath(RestoreRecord.Decode(path), device, inode, remove, found, Removal.TryRemove),
        ["folder", var path, var device, var inode] => TakeBackPath(RestoreRecord.Decode(path), device, inode, remove, found, Removal.TryRemove),
        ["content", var path, var device, var inode] => TakeBackPath(RestoreRecord.Decode(path), device, inode, remove, found, Removal.TryEmpty),
        ["queue", var name, var inode] => TakeBackQueue(header, RestoreRecord.Decode(name), inode, remove, found),
        _ => true,
    };

    private static bool TakeBackSysv(Header header, SysvKind kind, int id, int key, bool remove, List<string> found)
    {
        // Another namespace's objects ended with it, and another boot's with that.
        if (header.Boot != HostFacts.BootId() || header.Ipc != ProcFolders.Namespace(Environment.ProcessId, "ipc"))
            return true;
        // The kernel stamps with the second of its last tick, which may be one behind.
        if (SysvIpc.List(kind).FirstOrDefault(o => o.Id == id && o.Key == key && o.ChangedAt >= header.Start - 1) is not { } there)
            return true;
        if (!IsUnused(there, header))
            return there.Kind != SysvKind.shm || there.Fields["nattch"] == 0;
        found.Add($"{(kind == SysvKind.shm ? "shared memory" : kind == SysvKind.sem ? "semaphores" : "message queue")} {id} (key {key:x})");
        if (remove)
            SysvIpc.Remove(kind, id);
        return true;
    }

    /// <summary>Whether nobody but the restore itself has had to do with it: the kernel notes who was last.</summary>
    private static bool IsUnused(SysvObject there, Header header)
    {
        if (there.Kind == SysvKind.shm && there.Fields["nattch"] > 0)
            return false;
        if (header.Pid != ProcFolders.Namespace(Environment.ProcessId, "pid"))
            return true;
        bool Ours(long pid) => pid == 0 || pid == header.Engine;
        return there.Kind switch
        {
            SysvKind.shm => there.Fields["cpid"] == header.Engine,
            SysvKind.msg => Ours(there.Fields["lspid"]) && Ours(there.Fields["lrpid"]),
            _ => Enumerable.Range(0, (int)there.Fields["nsems"]).All(n => Ours(SysvIpc.LastUser(there.Id, n))),
        };
    }

    private static bool TakeBackPath(string path, string device, string inode, bool remove, List<string> found, Func<string, Func<FileStatus, bool>, bool> how)
    {
        (ulong, ulong) made = ((ulong)Number(device), (ulong)Number(inode));
        bool IsMade(FileStatus there) => (there.KernelDevice, there.Inode) == made;
        if (remove ? how(path, IsMade) : FileStatus.TryOfPath(path, follow: false) is { } there && IsMade(there))
            found.Add(path);
        return true;
    }

    private static bool TakeBackQueue(Header header, string name, string inode, bool remove, List<string> found)
    {
        if (header.Boot != HostFacts.BootId() || header.Ipc != ProcFolders.Namespace(Environment.ProcessId, "ipc"))
            return true;
        using Descriptor? queue = MessageQueue.TryOpen(name, OpenFlags.O_RDONLY);
        if (queue is null || FileStatus.Of(queue).Inode != (ulong)Number(inode))
            return true;
        found.Add($"message queue /{name}");
        if (remove)
            MessageQueue.Unlink(name);
        return true;
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
