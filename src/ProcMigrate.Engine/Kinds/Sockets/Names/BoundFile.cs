using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets.Names;

/// <summary>
/// The file that a unix socket is bound to. The kernel opens it for those who have CAP_NET_ADMIN over the network namespace
/// (SIOCUNIXFILE), even if it was renamed or deleted. Everybody else is told its inode (sock_diag(7)), by which it is known while it
/// stands where it was bound.
/// </summary>
internal static class BoundFile
{
    private const string Deleted = " (deleted)";
    private const OpenFlags Place = OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW;

    private static readonly Lazy<bool> MayAsk = new(() =>
    {
        using Descriptor socket = SocketCalls.Create(AddressFamily.AF_UNIX, SocketType.SOCK_DGRAM, 0, "a unix socket");
        return SocketCalls.TryBoundFile(socket) != -Errno.EPERM;
    });

    /// <returns>Null where it has none, or with a blocker.</returns>
    public static UnixSocketFile? Capture(DescriptorFacts facts, byte[]? name, uint inode, SaveContext context)
    {
        if (name is null || UnixName.IsAbstract(name))
            return null;
        using Descriptor? file = MayAsk.Value ? SocketCalls.BoundFile(facts.Ours) : FindByName(name, facts.Process.Pid, inode);
        if (file is not null)
            return Describe(file);
        if (!MayAsk.Value)
        {
            context.Block(new Blocker(
                "UnixSocketFile", facts.Process.Pid, facts.Fd, UnixName.Text(name),
                "another file stands where this socket was bound, or none, and which one is its own the kernel tells only to who has CAP_NET_ADMIN",
                "save as root, or let the program bind it anew"));
        }
        return null;
    }

    /// <summary>For a connection through the file, whatever it is called by now.</summary>
    /// <param name="file">Where a socket of the image has it.</param>
    /// <returns>Null where it is bound to none.</returns>
    public static Descriptor? Open(Descriptor socket, UnixSocketFile? file)
    {
        if (MayAsk.Value)
            return SocketCalls.BoundFile(socket);
        return UnixName.Of(SocketCalls.Name(socket)) is { } name && !UnixName.IsAbstract(name) && file is { Deleted: false }
            ? FileCalls.Open(file.Path, Place)
            : null;
    }

    /// <summary>What is reached by its file alone, this caller cannot connect to.</summary>
    public static void Check(UnixSocketState state, RestoreContext context)
    {
        byte[]? name = state.File is { Deleted: true } ? state.Name
            : state is { Type: SocketType.SOCK_DGRAM, Peer: 0, PeerOutside: false, PeerName: { Length: > 0 } gone } && !UnixName.IsAbstract(gone) ? gone
            : null;
        if (name is null || MayAsk.Value)
            return;
        context.Block(new Blocker(
            "UnixSocketFile", null, null, UnixName.Text(name), "a socket of the program has this name, whose file is gone: only who has CAP_NET_ADMIN can make that again",
            "restore it as root"));
    }

    private static Descriptor? FindByName(byte[] name, int pid, uint inode)
    {
        string text = CString.Decode(name);
        string path = text.StartsWith('/') ? text : Path.Combine(FileCalls.ReadLink($"/proc/{pid}/cwd"), text);
        if (FileStatus.TryOfPath(path, follow: false) is not { Type: FileType.Socket })
            return null;
        Descriptor file = FileCalls.Open(path, Place);
        // Of the inode the kernel tells 32 bits; while the socket is there, no other file of the file system gets it.
        if ((uint)FileStatus.Of(file).Inode == inode)
            return file;
        file.Dispose();
        return null;
    }

    private static UnixSocketFile Describe(Descriptor file)
    {
        string path = FileCalls.ReadLink($"/proc/self/fd/{file.Number}");
        FileStatus status = FileStatus.Of(file);
        bool deleted = status.Links == 0;
        if (deleted && path.EndsWith(Deleted, StringComparison.Ordinal))
            path = path[..^Deleted.Length];
        // A path that is mounted over leads elsewhere now: as good as deleted.
        deleted |= FileStatus.TryOfPath(path) is not { } there || !there.IsSameFile(status);
        return new UnixSocketFile(path, deleted, status.Mode, status.Uid, status.Gid, status.Inode);
    }
}
