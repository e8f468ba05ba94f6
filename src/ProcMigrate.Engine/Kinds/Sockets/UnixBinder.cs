using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Gives unix sockets their names back. What getsockname and the peers see is the text that was given to bind, be it relative or
/// of a file that is gone; the file, where there is one, is to stand where it stood.
/// </summary>
internal sealed class UnixBinder(RestoreContext context)
{
    private readonly HashSet<string> _bound = [];

    public void Bind(Descriptor socket, UnixSocketState state)
    {
        if (state.Name is not { } name)
            return;
        string text = UnixName.Text(name);
        if (UnixName.IsAbstract(name))
            SocketCalls.Bind(socket, UnixName.Address(name), text);
        else if (state.File is { Deleted: false } file && _bound.Add(file.Path))
            BindInPlace(socket, name, file);
        else
            BindAside(socket, name);
    }

    /// <summary>A name whose file nobody sees: bound where only we look, in a folder that becomes the root for the moment.</summary>
    public static void BindAside(Descriptor socket, byte[] name)
    {
        if (UnixName.IsAbstract(name))
        {
            SocketCalls.Bind(socket, UnixName.Address(name), UnixName.Text(name));
            return;
        }
        using var aside = new HiddenFolder(Path.GetTempPath());
        aside.Bind(socket, name);
    }

    private void BindInPlace(Descriptor socket, byte[] name, UnixSocketFile file)
    {
        string text = CString.Decode(name);
        string folder = text.StartsWith('/') ? "/"
            : file.Path.EndsWith("/" + text, StringComparison.Ordinal) ? file.Path[..^text.Length]
            : Path.GetDirectoryName(file.Path) ?? "/";
        SocketFile.RemoveDead(file.Path);
        if (Path.GetFullPath(Path.Combine(folder, text)) == file.Path)
            ThreadFolders.Run(null, folder, () => SocketCalls.Bind(socket, UnixName.Address(name), text));
        else
            BindRenamed(socket, name, file.Path);
        // Not by its path, which whoever may write to the folder can lead elsewhere in the meantime.
        using Descriptor made = FileCalls.Open(file.Path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
        FileStatus status = FileStatus.Of(made);
        if (status.Type != FileType.Socket)
            throw new EngineException("RestoreFailed", FailureClass.Failed, $"Somebody has put another file in the place of the socket {file.Path}; nothing was started.");
        context.OnFailure(() => SocketFile.RemoveMade(file.Path, status));
        context.Record.NoteFile(file.Path);
        context.Rights.Give(made, file.Path, file.Uid, file.Gid, file.Mode);
    }

    /// <summary>
    /// Bound under one name and renamed to another: how some servers replace their socket without a gap. Their next one may well stand under
    /// the first name, which is not touched, therefore.
    /// </summary>
    private static void BindRenamed(Descriptor socket, byte[] name, string path)
    {
        using var aside = new HiddenFolder(Path.GetDirectoryName(path) ?? "/");
        aside.Bind(socket, name, path);
    }
}
