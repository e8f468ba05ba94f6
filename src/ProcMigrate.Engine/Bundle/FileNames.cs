using System.Text.Json;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Bundle;

/// <summary>Gives the objects of an image that have a path another one.</summary>
internal static class FileNames
{
    /// <summary>The file behind an object of a kind that has one; else null.</summary>
    public static FileState? StateOf(ObjectRecord record) => record.Kind switch
    {
        "file" or "folder" or "path-only" => FileState.From(record),
        "fifo" => RestoreContext.Parse(record, StateJson.Default.FifoState).File,
        _ => null,
    };

    /// <param name="ofFile">The new name of an open file.</param>
    /// <param name="ofPath">The new name of what is known by its path only.</param>
    public static ObjectRecord Rename(ObjectRecord record, Func<FileState, FileState> ofFile, Func<string, string> ofPath)
    {
        switch (record.Kind)
        {
            case "file" or "folder" or "path-only":
                FileState old = FileState.From(record);
                FileState renamed = ofFile(old);
                return ReferenceEquals(old, renamed) ? record : record with { Title = renamed.Path, State = renamed.ToJson() };
            case "fifo":
                FifoState fifo = RestoreContext.Parse(record, StateJson.Default.FifoState);
                return record with { State = JsonSerializer.SerializeToElement(fifo with { File = ofFile(fifo.File) }, StateJson.Default.FifoState) };
            case DeletedFileKind.KindName:
                DeletedFileState deleted = RestoreContext.Parse(record, StateJson.Default.DeletedFileState);
                return record with
                {
                    State = JsonSerializer.SerializeToElement(deleted with { Path = ofPath(deleted.Path) }, StateJson.Default.DeletedFileState),
                };
            case "inotify":
                return InotifyKind.Rename(record, ofPath);
            default:
                return record;
        }
    }
}
