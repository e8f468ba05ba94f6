using System.Runtime.ExceptionServices;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Gives unix sockets their names back. What getsockname and the peers see is the text that was given to bind, be it relative or
/// of a file that is gone; the file, where there is one, is to stand where it stood.
/// </summary>
internal sealed class UnixBinder(RestoreContext context)
{
    private const int CLONE_FS = 0x200;
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
        string text = CString.Decode(name);
        DirectoryInfo aside = Directory.CreateTempSubdirectory("procmigrate-");
        try
        {
            string inside = Path.GetFullPath(Path.Combine("/", text))[1..];
            if (Path.GetDirectoryName(inside) is { Length: > 0 } folders)
                aside.CreateSubdirectory(folders);
            InFolders(aside.FullName, aside.FullName, () => SocketCalls.Bind(socket, UnixName.Address(name), text));
        }
        finally
        {
            aside.Delete(recursive: true);
        }
    }

    private void BindInPlace(Descriptor socket, byte[] name, UnixSocketFile file)
    {
        string text = CString.Decode(name);
        string folder = text.StartsWith('/') ? "/"
            : file.Path.EndsWith("/" + text, StringComparison.Ordinal) ? file.Path[..^text.Length]
            : Path.GetDirectoryName(file.Path) ?? "/";
        string bound = Path.Combine(folder, text);
        RemoveDead(file.Path);
        RemoveDead(bound);
        context.OnFailure(() => File.Delete(file.Path));
        InFolders(null, folder, () => SocketCalls.Bind(socket, UnixName.Address(name), text));
        // Bound under one name and renamed to another: how some servers replace their socket without a gap.
        if (Path.GetFullPath(bound) != file.Path)
            File.Move(bound, file.Path);
        context.Record.NoteFile(file.Path);
        File.SetUnixFileMode(file.Path, (UnixFileMode)file.Mode);
        FileStatus made = FileStatus.OfPath(file.Path);
        if ((made.Uid, made.Gid) != (file.Uid, file.Gid))
            FileOwnership.Set(file.Path, file.Uid, file.Gid);
    }

    /// <summary>The checks have seen that nobody answers there.</summary>
    private static void RemoveDead(string path)
    {
        if (FileStatus.TryOfPath(path) is { Type: FileType.Socket })
            File.Delete(path);
    }

    /// <summary>Does it on a thread with folders of its own, so that nobody else in this process is moved.</summary>
    private static void InFolders(string? root, string folder, Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                RawSyscall.Call(SyscallNumber.unshare, "folders of a thread", CLONE_FS);
                if (root is not null)
                    ChangeFolder(SyscallNumber.chroot, root);
                ChangeFolder(SyscallNumber.chdir, root is null ? folder : "/");
                action();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    private static unsafe void ChangeFolder(SyscallNumber call, string path)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(call, path, (nint)p);
    }
}
