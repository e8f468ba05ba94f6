using System.Runtime.InteropServices;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Reads what waits in a unix socket without taking any of it. To see behind the first message, SO_PEEK_OFF is set for the
/// moment. Should the engine be killed just then, it stays set: that concerns only a program that itself peeks into a queue
/// with more than one message, and ends when the queue is read.
/// </summary>
internal sealed class UnixQueue(DescriptorFacts facts, int type, SaveContext context)
{
    private const int FirstSize = 256 * 1024;
    private readonly Descriptor _socket = facts.Ours;

    /// <returns>Null, and a blocker, where something in flight cannot be kept.</returns>
    public List<UnixQueuedMessage>? Read(int shutdown)
    {
        // Readable without being at its end: there is something.
        int bytes = SocketCalls.BytesToRead(_socket);
        bool stream = type == SocketType.SOCK_STREAM;
        if (stream ? bytes == 0 : bytes == 0 && ((SocketCalls.Poll(_socket) & SocketCalls.POLLIN) == 0 || (shutdown & 1) != 0))
            return [];
        int before = SocketCalls.GetInt(_socket, SOL_SOCKET, SO_PEEK_OFF);
        try
        {
            return stream ? ReadStream(bytes) : ReadMessages();
        }
        finally
        {
            SetOffset(before);
        }
    }

    private List<UnixQueuedMessage>? ReadMessages()
    {
        var messages = new List<UnixQueuedMessage>();
        int size = FirstSize;
        SetOffset(0);
        int done = 0;
        while (SocketMessage.Peek(_socket, size) is { } message)
        {
            using (message)
            {
                if (message.Truncated)
                {
                    size *= 4;
                    SetOffset(done);
                    continue;
                }
                // The end of a connection looks like an empty message.
                if (message.Data.Length == 0 && type == SocketType.SOCK_SEQPACKET && done >= SocketCalls.BytesToRead(_socket))
                    return messages;
                if (Keep(message) is not { } kept)
                    return null;
                messages.Add(kept);
                done += message.Data.Length;
            }
        }
        return messages;
    }

    /// <summary>
    /// A stream, in pieces: one receive never reaches past data that descriptors came with, but glues what came before to it. They
    /// must arrive with the same byte again.
    /// </summary>
    private List<UnixQueuedMessage>? ReadStream(int bytes)
    {
        var pieces = new List<UnixQueuedMessage>();
        for (int at = 0; at < bytes;)
        {
            int length = LengthWithoutDescriptors(at, bytes - at);
            // Without descriptors it is cut here: the kernel may report those of the next piece with this one.
            using SocketMessage piece = PeekAt(at, length == 0 ? bytes - at : length);
            if (piece.Data.Length == 0)
                throw new LinuxException("recvmsg(MSG_PEEK): the queue ends early", $"descriptor {facts.Fd} of process {facts.Process.Pid}", Errno.EIO);
            if (length > 0)
                piece.Dispose();
            if (Keep(piece) is not { } kept)
                return null;
            pieces.Add(kept);
            at += piece.Data.Length;
        }
        return pieces;
    }

    /// <summary>How much from here on comes without descriptors: up to the first piece that has some.</summary>
    private int LengthWithoutDescriptors(int at, int rest)
    {
        int length;
        using (SocketMessage all = PeekAt(at, rest))
        {
            length = all.Data.Length;
            if (all.Descriptors.Count == 0)
                return length;
        }
        SetOffset(at);
        return SocketMessage.PeekBorder(_socket, length);
    }

    private SocketMessage PeekAt(int offset, int size)
    {
        SetOffset(offset);
        return SocketMessage.Peek(_socket, size)
            ?? throw new LinuxException("recvmsg(MSG_PEEK): the queue ends early", $"descriptor {facts.Fd} of process {facts.Process.Pid}", Errno.EAGAIN);
    }

    private UnixQueuedMessage? Keep(SocketMessage message)
    {
        var objects = new List<int>();
        bool complete = true;
        foreach (Descriptor file in message.TakeDescriptors())
        {
            if (context.CaptureInFlight(file, facts) is { } id)
                objects.Add(id);
            else
                complete = false;
        }
        // The kernel names nobody by pid 0: a message without credentials.
        PeerCredentials? credentials = message.Credentials is { Pid: > 0 } known ? known : null;
        return complete ? new UnixQueuedMessage(message.Data, objects, UnixName.Of(message.From), credentials) : null;
    }

    private void SetOffset(int offset) =>
        SocketCalls.SetOption(_socket, SOL_SOCKET, SO_PEEK_OFF, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in offset)), "SO_PEEK_OFF of a unix socket");
}
