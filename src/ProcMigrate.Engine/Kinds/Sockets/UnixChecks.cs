using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>What stands against a unix socket's name here.</summary>
internal sealed class UnixChecks(UnixSocketState state, RestoreContext context)
{
    private readonly List<UnixSocketInfo> _here = context.Shared("unix sockets of this host", SocketDiag.UnixSockets);

    public void Report()
    {
        if (state.File is { Deleted: false } file)
            CheckPath(file);
        else if (state is { Name: { } name, File: null })
            CheckAbstract(name);
        if (state is { PeerOutside: true, PeerName: { } peer })
            CheckPeer(peer);
    }

    private void CheckPath(UnixSocketFile file)
    {
        string folder = Path.GetDirectoryName(file.Path) ?? "/";
        if (FileStatus.TryOfPath(folder) is not { Type: FileType.Directory })
        {
            context.Block(new Blocker("FileMissing", null, null, folder, $"the socket {file.Path} stood in this folder, and it is not here", "make the folder"));
            return;
        }
        if (FileStatus.TryOfPath(file.Path) is not { } there)
            return;
        if (there.Type != FileType.Socket)
            context.Block(new Blocker("UnixNameTaken", null, null, file.Path, "the program's socket has this path, and another file stands there", "move that file away"));
        // The dead file that the program itself left behind, or any other that nobody answers at, is replaced.
        else if (_here.FirstOrDefault(s => s.FileInode == there.Inode) is { } owner)
            context.Block(new Blocker("UnixNameTaken", null, null, file.Path, $"the program's socket has this path, and {SocketOwners.Describe(owner.Inode)} uses it", "end that program"));
    }

    private void CheckAbstract(byte[] name)
    {
        // An accepted connection bears its listener's name without holding it.
        if (state.State == SocketState.TCP_ESTABLISHED && state.Type != SocketType.SOCK_DGRAM)
            return;
        bool Holds(UnixSocketInfo s) => (s.State != SocketState.TCP_ESTABLISHED || s.Type == SocketType.SOCK_DGRAM) && s.Name.AsSpan().SequenceEqual(name);
        if (_here.FirstOrDefault(Holds) is { } owner)
            context.Block(new Blocker("UnixNameTaken", null, null, UnixName.Text(name), $"the program's socket has this name, and {SocketOwners.Describe(owner.Inode)} uses it", "end that program"));
    }

    private void CheckPeer(byte[] peer)
    {
        bool found = UnixName.IsAbstract(peer)
            ? _here.Any(s => s.Name.AsSpan().SequenceEqual(peer))
            : FileStatus.TryOfPath(Linux.CString.Decode(peer)) is { Type: FileType.Socket };
        if (!found)
            context.Block(new Blocker("UnixPeerMissing", null, null, UnixName.Text(peer), "the program sends datagrams there, and nobody has that name here", "start the service that listens there"));
    }
}
