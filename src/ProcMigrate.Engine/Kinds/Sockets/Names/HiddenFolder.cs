using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds.Sockets.Names;

/// <summary>
/// A folder of our own that becomes the root while a unix socket is bound: whatever its name, it meets no file of anybody else's. Names are
/// handled as the bytes that they are, and taken away by the very paths that they were made by.
/// </summary>
internal sealed unsafe class HiddenFolder : IDisposable
{
    private const int AT_FDCWD = -100;
    private const int RENAME_NOREPLACE = 1;
    private const int OwnerOnly = 0x1c0;

    private readonly string _path;
    private readonly Descriptor _folder;

    /// <param name="parent">Where files are to be moved out of it, a folder on the same file system.</param>
    public HiddenFolder(string parent)
    {
        _path = Path.Combine(parent, $".procmigrate-{Guid.NewGuid():N}");
        FolderCalls.MakeFolder(_path, OwnerOnly);
        // By descriptor from here on: who may rename in the parent could put a link in its place.
        _folder = FileCalls.Open(_path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
    }

    /// <summary>Binds the socket to a name whose file nobody will see.</summary>
    public void Bind(Descriptor socket, byte[] name) =>
        Inside(name, () =>
        {
            SocketCalls.Bind(socket, UnixName.Address(name), UnixName.Text(name));
            OnName(SyscallNumber.unlink, name);
        });

    /// <summary>Binds the socket, and puts the file where it is to stand; nothing may be there.</summary>
    /// <param name="folder">The target's.</param>
    public void Bind(Descriptor socket, byte[] name, Descriptor folder, string target)
    {
        Inside(name, () =>
        {
            SocketCalls.Bind(socket, UnixName.Address(name), UnixName.Text(name));
            try
            {
                fixed (byte* from = Terminated(name))
                fixed (byte* to = CString.Of(Path.GetFileName(target)))
                    RawSyscall.Call(SyscallNumber.renameat2, target, AT_FDCWD, (nint)from, folder.Number, (nint)to, RENAME_NOREPLACE);
            }
            catch
            {
                OnName(SyscallNumber.unlink, name);
                throw;
            }
        });
    }

    public void Dispose()
    {
        _folder.Dispose();
        FolderCalls.RemoveFolder(_path);
    }

    private void Inside(byte[] name, Action bind) => ThreadFolders.Run($"/proc/self/fd/{_folder.Number}", "/", () =>
    {
        List<byte[]> made = MakeFolders(name);
        try
        {
            bind();
        }
        finally
        {
            for (int i = made.Count - 1; i >= 0; i--)
                OnName(SyscallNumber.rmdir, made[i]);
        }
    });

    /// <summary>All that the kernel will walk through, be it <c>a/../b</c> or <c>//a</c>.</summary>
    private static List<byte[]> MakeFolders(byte[] name)
    {
        var made = new List<byte[]>();
        for (int i = 1; i < name.Length; i++)
        {
            if (name[i] != '/')
                continue;
            byte[] folder = name[..i];
            fixed (byte* p = Terminated(folder))
            {
                long result = RawSyscall.Try(SyscallNumber.mkdir, (nint)p, OwnerOnly);
                if (result == -Errno.EEXIST)
                    continue;
                RawSyscall.Check(result, "mkdir", UnixName.Text(folder));
            }
            made.Add(folder);
        }
        return made;
    }

    private static void OnName(SyscallNumber call, byte[] name)
    {
        fixed (byte* p = Terminated(name))
            RawSyscall.Call(call, UnixName.Text(name), (nint)p);
    }

    private static byte[] Terminated(byte[] name) => [.. name, 0];
}
