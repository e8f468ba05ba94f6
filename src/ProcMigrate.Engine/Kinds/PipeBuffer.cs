using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// What lies between the ends of a pipe or FIFO: the bytes on their way, in packets where the writer asked for that
/// (O_DIRECT), and the room for them. An object of its own, since several open files share it.
/// </summary>
internal static class PipeBuffer
{
    public const string KindName = "pipe-buffer";

    /// <summary>The bytes in a pipe, which stay there; and the lengths of the packets, or none for a plain stream of bytes.</summary>
    /// <returns>Null where packets and plain bytes are mixed, which nothing can tell apart or make again.</returns>
    public static (byte[] Bytes, int[] Packets)? Look(Descriptor reader, bool packetWriter)
    {
        int length = Pipes.BytesToRead(reader);
        if (length == 0)
            return ([], []);
        byte[] bytes = new byte[length];
        var parts = new List<int>();
        using (Copy copy = Copy.Of(reader, length))
        {
            for (int at = 0; at < length; at += parts[^1])
                parts.Add(Pipes.Read(copy.Read, bytes.AsSpan(at)));
        }
        if (parts.Count == 1 && !packetWriter)
            return (bytes, []);
        using Copy second = Copy.Of(reader, length);
        int packets = parts.Count(part => IsPacket(second.Read, part));
        if (packets == parts.Count)
            return (bytes, [.. parts]);
        return packets == 0 && parts.Count == 1 ? (bytes, []) : null;
    }

    public static PipeBufferState StateOf(ObjectRecord record) =>
        RestoreContext.Parse(record, StateJson.Default.PipeBufferState);

    /// <summary>Puts the bytes into a pipe anew.</summary>
    /// <param name="write">A non-blocking end.</param>
    public static void Fill(Descriptor write, ObjectRecord record, RestoreContext context)
    {
        PipeBufferState state = StateOf(record);
        if (Pipes.GetCapacity(write) != state.Capacity)
            Pipes.SetCapacity(write, state.Capacity);
        if (state.Length == 0)
            return;
        if (state.Length < 0 || state.Length > state.Capacity || state.Packets.Any(p => p <= 0) || (state.Packets.Length > 0 && state.Packets.Sum() != state.Length))
            throw RestoreContext.Damaged($"object {record.Id} ({record.Title}) has impossible lengths");
        byte[] bytes = context.ContentOf(record.Id, state.Length);
        if (state.Packets.Length == 0)
        {
            Pipes.Write(write, bytes);
            return;
        }
        OpenFlags flags = FileCalls.GetFlags(write);
        FileCalls.SetFlags(write, flags | OpenFlags.O_DIRECT);
        int at = 0;
        foreach (int packet in state.Packets)
        {
            Pipes.Write(write, bytes.AsSpan(at, packet));
            at += packet;
        }
        FileCalls.SetFlags(write, flags);
    }

    /// <summary>Reading one byte of a packet throws the rest of it away; of a stream it takes the one byte.</summary>
    private static bool IsPacket(Descriptor reader, int length)
    {
        int before = Pipes.BytesToRead(reader);
        Span<byte> one = stackalloc byte[1];
        Pipes.Read(reader, one);
        return before - Pipes.BytesToRead(reader) == length;
    }

    /// <summary>A pipe of ours with the same in it (tee(2)).</summary>
    private sealed class Copy : IDisposable
    {
        private readonly Descriptor _write;

        private Copy(Descriptor read, Descriptor write) => (Read, _write) = (read, write);

        public Descriptor Read { get; }

        public static Copy Of(Descriptor reader, int length)
        {
            (Descriptor read, Descriptor write) = Pipes.Create();
            var copy = new Copy(read, write);
            try
            {
                // As many slots as the other has, or not all of its packets would find room.
                Pipes.SetCapacity(write, Pipes.GetCapacity(reader));
                int copied = Pipes.Tee(reader, write);
                return copied == length
                    ? copy
                    : throw new EngineException("PipeChanged", FailureClass.Failed, $"A pipe held {length} bytes and then {copied}: it is not at rest.");
            }
            catch
            {
                copy.Dispose();
                throw;
            }
        }

        public void Dispose()
        {
            Read.Dispose();
            _write.Dispose();
        }
    }
}

/// <summary>A pipe's buffer; Packets are the lengths of its packets, none for a plain stream. The bytes are the object's content.</summary>
internal sealed record PipeBufferState
{
    public required int Capacity { get; init; }
    public required int Length { get; init; }
    public required int[] Packets { get; init; }

    /// <summary>Of the inode: who may open it anew through /proc/PID/fd.</summary>
    public required uint Uid { get; init; }
    public required uint Gid { get; init; }
    public required int Mode { get; init; }
}
