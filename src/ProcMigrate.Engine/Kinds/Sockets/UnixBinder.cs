using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Restore.Rights;
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

    /// <param name="objectId">The socket's.</param>
    public void Bind(int objectId, Descriptor socket, UnixSocketState state)
    {
        if (state.Name is not { } name)
            return;
        string text = UnixName.Text(name);
        if (UnixName.IsAbstract(name))
            SocketCalls.Bind(socket, UnixName.Address(name), text);
        else if (state.File is { Deleted: false } file && _bound.Add(file.Path))
            BindInPlace(objectId, socket, name, file);
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

    private void BindInPlace(int objectId, Descriptor socket, byte[] name, UnixSocketFile file)
    {
        string text = CString.Decode(name);
        string folder = text.StartsWith('/') ? "/"
            : file.Path.EndsWith("/" + text, StringComparison.Ordinal) ? file.Path[..^text.Length]
            : Path.GetDirectoryName(file.Path) ?? "/";
        SocketFile.RemoveDead(file.Path, () => AsHolder(objectId, file.Path, () => FolderCalls.Unlink(file.Path)));
        if (Path.GetFullPath(Path.Combine(folder, text)) == file.Path)
            AsHolder(objectId, file.Path, () => ThreadFolders.Run(null, folder, () => SocketCalls.Bind(socket, UnixName.Address(name), text)));
        else
            BindRenamed(objectId, socket, name, file.Path);
        // The very file that was bound, not its path, which whoever may write to the folder can lead elsewhere in the meantime.
        using Descriptor made = BoundFile.Open(socket, file) ?? FileCalls.Open(file.Path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
        FileStatus status = FileStatus.Of(made);
        if (status.Type != FileType.Socket)
            throw new EngineException("RestoreFailed", FailureClass.Failed, $"Somebody has put another file in the place of the socket {file.Path}; nothing was started.");
        context.OnFailure(() => AsHolder(objectId, file.Path, () => SocketFile.RemoveMade(file.Path, status)));
        context.Record.NoteFile(file.Path);
        context.Rights.Give(made, file.Path, file.Uid, file.Gid, file.Mode);
    }

    /// <summary>
    /// Bound under one name and renamed to another: how some servers replace their socket without a gap. Their next one may well stand under
    /// the first name, which is not touched, therefore.
    /// </summary>
    private void BindRenamed(int objectId, Descriptor socket, byte[] name, string path)
    {
        Descriptor? held = null;
        AsHolder(objectId, path, () => held = WritableFolder(Path.GetDirectoryName(path) ?? "/"));
        using Descriptor folder = held!;
        using var aside = new HiddenFolder($"/proc/self/fd/{folder.Number}");
        aside.Bind(socket, name, folder, path);
    }

    private static Descriptor WritableFolder(string path)
    {
        const int W_OK = 2, X_OK = 1;
        Descriptor folder = FileCalls.Open(path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        try
        {
            FileCalls.CheckThreadAccess($"/proc/self/fd/{folder.Number}", W_OK | X_OK, path);
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>
    /// With the rights of a process that holds the socket: what the folder's name leads to, its user may have changed. A program that has
    /// given its rights away since (a service below /run) may not; then with ours, where nobody but root can have changed it.
    /// </summary>
    private void AsHolder(int objectId, string path, Action action)
    {
        try
        {
            context.Holders.Run(objectId, () =>
            {
                action();
                return true;
            });
        }
        catch (LinuxException e) when (HolderRights.IsRefusal(e) && context.Holders.AreLess(objectId))
        {
            if (!RootsFolder.Is(Path.GetDirectoryName(path) ?? "/"))
                throw Forbidden(objectId, path, e);
            action();
        }
    }

    private EngineException Forbidden(int objectId, string path, LinuxException e) => new(
        "FileForbidden", FailureClass.Failed,
        $"The program's socket is to stand at {path}, and {context.Holders.Why(objectId, e)}. Others than root can change that folder or one above it, so nothing is made there "
        + "with root's rights; nothing was started. Put the folder back as it was, or give that user the right to it.");
}
