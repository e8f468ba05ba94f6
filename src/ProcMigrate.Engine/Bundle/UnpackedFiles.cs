using System.Text.Json;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Image.Text;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>The files of an image as this restore has them: unpacked under new names, or the host's own where they are the same.</summary>
internal sealed class UnpackedFiles
{
    private readonly RestoreContext _context;
    private readonly FilesFolder _folder;
    private readonly HashSet<int> _used = [];
    private readonly HashSet<int> _written = [];
    private readonly HashSet<int> _reused = [];

    private UnpackedFiles(RestoreContext context, FilesFolder folder) => (_context, _folder) = (context, folder);

    public FilesFolder Folder => _folder;

    public BundleTable Table => _context.Bundle;

    /// <summary>Whether the host's own file is used in place.</summary>
    public bool IsReused(int id) => _reused.Contains(id);

    /// <summary>Unpacks; if the restore fails, nothing of it is left.</summary>
    public static UnpackedFiles Make(RestoreContext context, Action<EngineProgress>? progress, CancellationToken cancel)
    {
        FilesFolder folder = FilesFolder.Create(context.Options.FilesFolder, context.Tree.Id);
        context.Own(folder);
        context.OnFailure(folder.Remove);
        if (folder.IsNew)
            context.Record.NoteFolder(folder.Path);
        else
            context.Record.NoteContent(folder.Path);
        var files = new UnpackedFiles(context, folder);
        files.FindUses();
        var unpacker = new BundleUnpacker(context.Bundle, context.Image, folder.Beneath, context.Rights, context.Warnings);
        context.OnFailure(unpacker.Remove);
        unpacker.Unpack(files.IsWanted, progress, cancel);
        if (context.Options.SameNames)
            new SameNames(files, context).Show();
        context.BeforeRelease(files.WriteTable);
        return files;
    }

    /// <summary>What an open file is opened by from now on.</summary>
    public FileState Rename(FileState file) =>
        file.Bundled == 0 || IsReused(file.Bundled) ? file
        : file with { Path = _context.Options.SameNames ? Table.Find(file.Bundled)!.Path : PathOf(file.Bundled), LinkedAs = null };

    public string Rename(string path) =>
        !_context.Options.SameNames && Table.IdOf(path) is { } id && !IsReused(id) && !IsMapped(id) ? PathOf(id) : path;

    /// <summary>Whether it has been unpacked.</summary>
    public bool IsHere(int id) => !IsReused(id) && !IsMapped(id);

    /// <summary>For people: what the tree has open or mapped; the table beside the files has all.</summary>
    public RestoredFiles Describe()
    {
        var names = new List<RestoredFile>();
        foreach (int id in Table.Ids)
        {
            if (_used.Contains(id) && !IsMapped(id))
                names.Add(new RestoredFile(Table.Find(id)!.Path, IsReused(id) ? Table.Find(id)!.Path : PathOf(id)));
        }
        return new RestoredFiles(_folder.Path, _folder.TablePath, Table.Count, names);
    }

    private string PathOf(int id) => _folder.Path + Table.Find(id)!.Path;

    private bool IsMapped(int id) => MappedPaths.Of(Table.Find(id)!.Path, _context.Options.Maps) is not null;

    private bool IsWanted(int id, BundledFileState file)
    {
        if (IsMapped(id))
            return false;
        int content = file.LinkOf == 0 ? id : file.LinkOf;
        if (!_context.Options.ReuseHostFiles || file.Type != FileType.Regular || _written.Contains(content)
            || !HostFile.IsSame(file, _context.Image, _context.Image.DataOf(content)))
            return true;
        _reused.Add(id);
        return false;
    }

    private void FindUses()
    {
        foreach (ObjectRecord record in _context.Tree.Objects)
        {
            if (FileNames.StateOf(record) is not { Bundled: not 0 } file)
                continue;
            _used.Add(file.Bundled);
            BundledFileState bundled = Table.Find(file.Bundled)!;
            if ((file.Flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY)
                _written.Add(bundled.LinkOf == 0 ? file.Bundled : bundled.LinkOf);
        }
    }

    /// <summary>Last of all before the tree runs; then the folder is the tree's.</summary>
    private void WriteTable()
    {
        using var bytes = new MemoryStream();
        using var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("image", NameText.Escape(_context.Image.Path));
        json.WriteString("id", _context.Tree.Id.ToString());
        json.WriteString("folder", NameText.Escape(_folder.Path));
        json.WriteStartArray("files");
        foreach (int id in Table.Ids)
        {
            BundledFileState file = Table.Find(id)!;
            if (IsMapped(id))
                continue;
            json.WriteStartObject();
            json.WriteString("old", NameText.Escape(file.Path));
            json.WriteString("new", NameText.Escape(IsReused(id) ? file.Path : PathOf(id)));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        try
        {
            using Descriptor table = _folder.CreateTable();
            FileCalls.WriteAt(table, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), 0, _folder.TablePath);
            _folder.Keep();
        }
        catch (LinuxException e)
        {
            throw new EngineException(
                "UnpackFailed", FailureClass.Failed,
                $"The table of names beside the unpacked files could not be written, and what had been made was removed: {e.Message}. Make room there, "
                + "or name another folder with --files.", e);
        }
    }
}
