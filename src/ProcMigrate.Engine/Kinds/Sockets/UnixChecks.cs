using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Kinds.Sockets.Options;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>What stands against a unix socket's name here.</summary>
internal sealed class UnixChecks(UnixSocketState state, RestoreContext context)
{
    private readonly List<UnixSocketInfo> _here = context.Shared("unix sockets of this host", SocketDiag.UnixSockets);

    public void Report()
    {
        SocketOptionChecks.Report(context, new SocketSort(AddressFamily.AF_UNIX, state.Type, 0), state.Settings, $"unix socket {UnixName.Text(state.Name)}");
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
        // Not followed: bind(2) does not either, and refuses a symbolic link as it does any other file.
        if (FileStatus.TryOfPath(file.Path, follow: false) is not { } there)
            return;
        if (there.Type != FileType.Socket)
            context.Block(new Blocker("UnixNameTaken", null, null, file.Path, "the program's socket has this path, and another file stands there", "move that file away"));
        // The dead file that the program itself left behind, or any other that nobody answers at, is replaced.
        else if (SocketFile.IsInUse(file.Path))
            Taken(file.Path, "path", Owner(s => s.FileInode == (uint)there.Inode && Holds(s)));
    }

    /// <summary>An accepted connection bears its listener's name without holding it.</summary>
    private static bool Holds(UnixSocketInfo s) => s.State != SocketState.TCP_ESTABLISHED || s.Type == SocketType.SOCK_DGRAM;

    /// <summary>sock_diag lists the sockets of this network namespace; a file may belong to one of another.</summary>
    private string Owner(Predicate<UnixSocketInfo> has) =>
        _here.Find(has) is { } owner ? SocketOwners.Describe(owner.Inode) : "a program in another network namespace";

    private void Taken(string name, string kind, string owner)
    {
        context.Block(new Blocker(
            "UnixNameTaken", null, null, name, $"the program's socket has this {kind}, and {owner} uses it{HandedOver.Why(state.HeldBy)}", HandedOver.Remedy(state.HeldBy, "end that program")));
    }

    private void CheckAbstract(byte[] name)
    {
        if (state.State == SocketState.TCP_ESTABLISHED && state.Type != SocketType.SOCK_DGRAM)
            return;
        bool Has(UnixSocketInfo s) => Holds(s) && s.Name.AsSpan().SequenceEqual(name);
        if (_here.Exists(Has))
            Taken(UnixName.Text(name), "name", Owner(Has));
    }

    /// <summary>What the restore will do is done here once: a datagram socket of our own is connected to it.</summary>
    private void CheckPeer(byte[] peer)
    {
        using Descriptor socket = SocketCalls.Create(AddressFamily.AF_UNIX, SocketType.SOCK_DGRAM, 0, UnixName.Text(peer));
        string? why = -(int)SocketCalls.TryConnect(socket, UnixName.Address(peer)) switch
        {
            0 => null,
            SocketFile.ECONNREFUSED when !UnixName.IsAbstract(peer) => "its file is there, but the service behind it has ended",
            SocketFile.ECONNREFUSED or Errno.ENOENT or Errno.ENOTDIR => "nobody has that name here",
            SocketFile.EPROTOTYPE => "a socket of another type has that name here",
            int errno => $"it cannot be reached: {Errno.Describe(errno)}",
        };
        if (why is not null)
            context.Block(new Blocker("UnixPeerMissing", null, null, UnixName.Text(peer), $"the program sends datagrams there, and {why}", "start the service that listens there"));
    }
}
