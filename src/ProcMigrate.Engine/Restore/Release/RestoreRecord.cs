using System.Globalization;
using System.Text;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Host;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Restore.Release;

/// <summary>
/// What a restore makes beside its processes and a kill would leave behind, noted in a file that it holds a lock of: with the lock free, a
/// later run takes it back (<see cref="RestoreRemains"/>). Its first byte is the decision over the whole restore, for these as for the
/// processes (<see cref="LettingGo"/>). Where no file can be made (a full disk, a file system
/// without O_TMPFILE, a folder that is not ours alone), it is one in memory: then the decision is all that it is for.
/// </summary>
internal sealed class RestoreRecord : IDisposable
{
    public const byte Committed = (byte)'C';
    public const byte Pending = (byte)'R';
    public const int FormatVersion = 1;

    private const string FolderName = "restoring";
    private const int OwnerOnly = 0x180; // 0600
    private readonly FolderBeneath? _folder;
    private readonly string _name = "";
    private long _length;

    private RestoreRecord(Descriptor file, FolderBeneath? folder, string name)
    {
        (File, _folder, _name) = (file, folder, name);
        Append($"{(char)Pending}{FormatVersion}", HostFacts.BootId(), Number(DateTimeOffset.UtcNow.ToUnixTimeSeconds()), Number(Environment.ProcessId),
            ProcFolders.Namespace(Environment.ProcessId, "ipc"), ProcFolders.Namespace(Environment.ProcessId, "pid"));
    }

    public Descriptor File { get; }

    private static string Above => Path.Combine(FilesFolder.StateFolder(), "procmigrate");

    /// <summary>Where the records are: what stands there is acted upon, so it must be ours alone.</summary>
    /// <returns>Null where there are none yet.</returns>
    /// <exception cref="StateFolderException">It is not ours.</exception>
    public static FolderBeneath? TryOpenFolder() => StateFolders.TryOpen(Above, FolderName);

    public static RestoreRecord Begin()
    {
        FolderBeneath? folder = null;
        try
        {
            folder = StateFolders.MakeAndOpen(Above, FolderName);
            return BeginNamed(folder, Guid.NewGuid().ToString("N"));
        }
        catch (Exception e) when (e is LinuxException or StateFolderException)
        {
            folder?.Dispose();
            return new RestoreRecord(MemoryFile.Create("procmigrate-record"), null, "");
        }
    }

    /// <summary>It gets its name when it is locked and has its first line: there is never half of one.</summary>
    private static RestoreRecord BeginNamed(FolderBeneath folder, string name)
    {
        Descriptor file = folder.OpenNameless(OwnerOnly);
        try
        {
            FileLocks.TryLock(file);
            var record = new RestoreRecord(file, folder, name);
            folder.Name(file, name);
            return record;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A System V object that is about to be made.</summary>
    public void NoteSysv(SysvKind kind, int id, int key) => Append("sysv", kind.ToString(), Number(id), Number(key));

    /// <summary>A file that was made.</summary>
    public void NoteFile(string path) => NotePath("file", path);

    /// <summary>A folder that was made, with all in it.</summary>
    public void NoteFolder(string path) => NotePath("folder", path);

    /// <summary>A folder that was there and empty, and is filled.</summary>
    public void NoteContent(string path) => NotePath("content", path);

    /// <summary>A message queue that was made.</summary>
    public void NoteQueue(string name, Descriptor queue) => Append("queue", Encode(name), Number((long)FileStatus.Of(queue).Inode));

    /// <summary>All stays. One byte: it is written or it is not.</summary>
    public void Commit() => FileCalls.WriteAt(File, [Committed], 0, "the record of the restore");

    /// <summary>It was taken back, or stays.</summary>
    public void Dispose()
    {
        _folder?.TryRemove(_name, isFolder: false);
        _folder?.Dispose();
        File.Dispose();
    }

    public static string Decode(string text) => CString.Decode(Convert.FromBase64String(text));

    private static string Encode(string text) => Convert.ToBase64String(CString.Of(text).AsSpan()[..^1]);

    private void NotePath(string kind, string path)
    {
        FileStatus made = FileStatus.OfPath(path, follow: false);
        Append(kind, Encode(path), Number((long)made.KernelDevice), Number((long)made.Inode));
    }

    private void Append(params ReadOnlySpan<string> fields)
    {
        byte[] line = Encoding.ASCII.GetBytes(string.Join('\t', fields!) + "\n");
        FileCalls.WriteAt(File, line, _length, "the record of the restore");
        _length += line.Length;
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
