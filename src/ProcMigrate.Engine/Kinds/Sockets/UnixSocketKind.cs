using System.Text.Json;
using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using ProcMigrate.Linux.X64;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>A unix socket: alone, listening, or connected to another of the tree. Its peer and its queue are captured with it.</summary>
/// <remarks>
/// SO_PEERCRED of a restored connection names the restoring process, as it connected; of a listening socket it is set right, as those
/// who connect later look at it to see who serves them.
/// </remarks>
internal sealed class UnixSocketKind : DescriptorKind
{
    private const int PeerCredentialsSize = 12;

    public override string Name => "unix-socket";

    public override bool Recognises(DescriptorFacts facts) => SocketFamily.Of(facts) == AddressFamily.AF_UNIX;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        Descriptor socket = facts.Ours;
        if (context.Shared(() => new UnixSockets()).Find(facts.Status.Inode) is not { } info)
        {
            context.Block(new Blocker(
                "SocketNamespace", facts.Process.Pid, facts.Fd, facts.Link, "this unix socket belongs to another network namespace",
                "run procmigrate in that namespace"));
            return null;
        }
        short poll = SocketCalls.Poll(socket);
        if ((poll & SocketCalls.POLLPRI) != 0)
        {
            context.Block(new Blocker(
                "UnixUrgentData", facts.Process.Pid, facts.Fd, facts.Link, "urgent data (MSG_OOB) waits in it", "save again in a moment"));
            return null;
        }
        if (SocketSettings.Capture(facts, context) is not { } settings)
            return null;
        byte[]? name = UnixName.Of(SocketCalls.Name(socket));
        UnixSocketFile? file = BoundFile.Capture(facts, name, info.FileInode, context);
        return ToJson(new UnixSocketState
        {
            Inode = info.Inode,
            Type = info.Type,
            State = info.State,
            Name = name,
            File = file,
            Peer = info.Peer,
            PeerName = SocketCalls.PeerName(socket) is { } peer ? UnixName.Of(peer) ?? [] : null,
            Shutdown = info.Shutdown,
            ResetPending = info.Type != SocketType.SOCK_DGRAM && (poll & SocketCalls.POLLERR) != 0,
            Backlog = info.State == SocketState.TCP_LISTEN ? (int)info.WriteQueue : 0,
            Waiting = [.. info.Waiting.Select(i => (ulong)i)],
            PeerCredentials = CredentialsOf(socket),
            Settings = settings,
        });
    }

    public override void Captured(DescriptorFacts facts, int objectId, SaveContext context)
    {
        UnixSockets sockets = context.Shared(() => new UnixSockets());
        UnixSocketState state = Parse(context.Objects[objectId]);
        sockets.InTree[state.Inode] = (objectId, facts.Process.Pid, facts.Fd);
        if (state.State != SocketState.TCP_LISTEN && new UnixQueue(facts, state.Type, context).Read(state.Shutdown) is { Count: > 0 } queue)
            context.Objects.Replace(objectId, ToJson(state with { Queue = queue }));
        int pid = facts.Process.Pid;
        int fd = facts.Fd;
        context.AtEnd(() => new UnixPeers(sockets, context).Check(objectId, pid, fd));
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        UnixSocketState state = Parse(record);
        new UnixChecks(state, context).Report();
        BoundFile.Check(state, context);
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        UnixSocketBuilder builder = context.Shared("unix sockets", () => new UnixSocketBuilder(context));
        builder.FillQueues();
        return builder.Take(Parse(record).Inode);
    }

    /// <summary>Who calls listen() is who those that connect see as their peer: so it is done by the right process.</summary>
    public override void Placed(ObjectRecord record, DescriptorRecord descriptor, ProcessInMaking process)
    {
        UnixSocketState state = Parse(record);
        if (state.State != SocketState.TCP_LISTEN || state.PeerCredentials is not { } who || who.Pid != process.Record.Pid)
            return;
        const ulong Unchanged = ulong.MaxValue;
        string what = $"the listening socket {UnixName.Text(state.Name)}";
        CredentialsRecord own = Host.CredentialFacts.Own();
        (int uid, int gid) = ((int)own.EffectiveUid, (int)own.EffectiveGid);
        bool other = uid == 0 && (who.Uid != uid || who.Gid != gid);
        if (other)
        {
            process.Calls.Add(SyscallNumber.setresgid, what, Unchanged, (ulong)who.Gid, Unchanged);
            process.Calls.Add(SyscallNumber.setresuid, what, Unchanged, (ulong)who.Uid, Unchanged);
        }
        process.Calls.Add(SyscallNumber.listen, what, (ulong)descriptor.Fd, (ulong)state.Backlog);
        if (other)
        {
            process.Calls.Add(SyscallNumber.setresuid, what, Unchanged, (ulong)uid, Unchanged);
            process.Calls.Add(SyscallNumber.setresgid, what, Unchanged, (ulong)gid, Unchanged);
        }
    }

    public static UnixSocketState Parse(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.UnixSocketState);

    public static JsonElement ToJson(UnixSocketState state) => JsonSerializer.SerializeToElement(state, StateJson.Default.UnixSocketState);

    private static PeerCredentials? CredentialsOf(Descriptor socket) =>
        SocketCalls.TryGetOption(socket, SOL_SOCKET, SO_PEERCRED, PeerCredentialsSize) is { Length: PeerCredentialsSize } c
            ? new PeerCredentials(BitConverter.ToInt32(c), BitConverter.ToInt32(c, 4), BitConverter.ToInt32(c, 8))
            : null;
}
