using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>
/// The files that the tree executes: its programs, and what is mapped to be executed. The kernel takes a file for a program's only if it
/// may be executed (prctl_set_mm_exe_file in kernel/sys.c wants an x bit, and nobody who writes to it), and maps none to be executed from a
/// file system that is mounted noexec. A program that runs need not fear either; so a file that was changed like that since is copied into
/// one without a name, as whoever may read it may do.
/// </summary>
internal sealed class ProgramFiles : IDisposable
{
    private const int PROT_EXEC = 4, ExecuteBits = 0x49; // 0111
    private readonly RestoreContext _context;
    private readonly HashSet<int> _programs = [];
    private readonly HashSet<int> _mapped = [];
    private readonly HashSet<int> _shared = [];
    private readonly HashSet<int> _deleted = [];
    private readonly Dictionary<int, Descriptor?> _copies = [];
    private readonly Dictionary<int, bool> _unmappable = [];

    private ProgramFiles(RestoreContext context)
    {
        _context = context;
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            _programs.Add(process.ExecutableObject);
            foreach (MappingRecord mapping in process.Mappings)
            {
                if (mapping.Backing != MappingBacking.Object)
                    continue;
                if ((mapping.Protection & PROT_EXEC) != 0)
                    _mapped.Add(mapping.ObjectId);
                if (mapping.Shared)
                    _shared.Add(mapping.ObjectId);
            }
        }
        foreach (int id in _programs.Concat(_mapped))
        {
            if (StateOf(id) is { Deleted: not 0 } file)
                _deleted.Add(file.Deleted);
        }
    }

    public static ProgramFiles Of(RestoreContext context) => context.Shared("programs", () => new ProgramFiles(context));

    /// <summary>Whether a file without a name is executed. A copy made here (a negative id) always is.</summary>
    public bool IsExecuted(int objectId) => objectId < 0 || _deleted.Contains(objectId);

    /// <summary>What will be copied is told, and blocks where it cannot be.</summary>
    public void Check()
    {
        foreach (int id in _programs.Union(_mapped))
        {
            // Of a bundle's file is known only when it is unpacked; what is not here at all is another blocker.
            if (StateOf(id) is not { Deleted: 0, Bundled: 0, Type: FileType.Regular } file || WhyNotExecuted(id, file) is not { } why)
                continue;
            if (_shared.Contains(id) && _mapped.Contains(id))
            {
                _context.Block(new Blocker(
                    "NotExecutable", null, null, file.Path, $"the program executes it through a shared mapping, and {why}", "mount that file system without noexec"));
                continue;
            }
            if (NamelessPlaces.Of(_context).For(-id, DeletedFileState.CopyOf(file), 0).Count > 0)
                _context.WarnOnce($"{file.Path} is executed from a copy without a name: {why}");
        }
    }

    /// <summary>The file that a process is to show as its program.</summary>
    public Descriptor Program(int objectId) => CopyOf(objectId) ?? _context.OpenFiles.Get(objectId);

    /// <summary>The file behind a mapping.</summary>
    public Descriptor Mapped(int objectId) => (CannotBeMapped(objectId) ? CopyOf(objectId) : null) ?? _context.OpenFiles.Get(objectId);

    /// <summary>The same for each of perhaps hundreds of processes, so asked once.</summary>
    private bool CannotBeMapped(int objectId)
    {
        if (!_mapped.Contains(objectId) || _shared.Contains(objectId))
            return false;
        if (!_unmappable.TryGetValue(objectId, out bool unmappable))
            _unmappable[objectId] = unmappable = StateOf(objectId) is { Deleted: 0, Type: FileType.Regular } file && NoExecution(file) is not null;
        return unmappable;
    }

    /// <returns>Null where none is needed.</returns>
    private Descriptor? CopyOf(int objectId)
    {
        if (_copies.TryGetValue(objectId, out Descriptor? copy))
            return copy;
        if (StateOf(objectId) is { Deleted: 0, Type: FileType.Regular } file && WhyNotExecuted(objectId, file) is not null)
            copy = MakeCopy(objectId, file);
        return _copies[objectId] = copy;
    }

    private Descriptor MakeCopy(int objectId, FileState file)
    {
        Descriptor original = _context.OpenFiles.Get(objectId);
        // As it is now, not as it was at the save: its owner may have taken rights away since.
        FileStatus now = FileStatus.Of(original);
        DeletedFileState state = DeletedFileState.CopyOf(file) with { Size = now.Size, Mode = now.Mode, Uid = now.Uid, Gid = now.Gid };
        using Descriptor place = DeletedFileKind.Make(-objectId, state, 0, made => Copy(original, made), _context);
        return FileCalls.Open($"/proc/self/fd/{place.Number}", OpenFlags.O_RDONLY);
    }

    private static void Copy(Descriptor from, Descriptor to)
    {
        byte[] buffer = new byte[1 << 20];
        for (long at = 0; FileCalls.NextData(from, at) is var (start, end); at = end)
        {
            for (long piece = start; piece < end;)
            {
                int length = FileCalls.ReadAt(from, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - piece)), piece);
                // It has been cut short meanwhile: what comes then is the end for the mappings, too.
                if (length == 0)
                    return;
                FileCalls.WriteAt(to, buffer.AsSpan(0, length), piece);
                piece += length;
            }
        }
    }

    public void Dispose()
    {
        foreach (Descriptor? copy in _copies.Values)
            copy?.Dispose();
    }

    private FileState? StateOf(int objectId) => objectId == 0 ? null : FileNames.StateOf(_context.Object(objectId));

    /// <returns>Null where it can be executed as the tree does it.</returns>
    private string? WhyNotExecuted(int objectId, FileState file)
    {
        if (FileStatus.TryOfPath(file.Reachable) is not { } here)
            return null;
        if (NoExecution(file) is { } why)
            return why;
        return _programs.Contains(objectId) && !MayExecute(file, here) ? $"it may not be executed any more (its mode is {Convert.ToString(here.Mode, 8)})" : null;
    }

    private static bool MayExecute(FileState file, in FileStatus here)
    {
        const int X_OK = 1;
        try
        {
            FileCalls.CheckAccess(file.Reachable, X_OK);
            return (here.Mode & ExecuteBits) != 0;
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    private static string? NoExecution(FileState file)
    {
        using Descriptor open = FileCalls.Open(file.Reachable, OpenFlags.O_PATH);
        return FileSystem.Of(open).ForbidsExecution ? "its file system is mounted noexec" : null;
    }
}
