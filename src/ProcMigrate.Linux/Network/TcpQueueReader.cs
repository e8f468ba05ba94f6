using System.Buffers.Binary;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Network;

/// <summary>
/// Reads a connection's sequence numbers and what it has sent and not got acknowledged, which only repair mode shows. A socket left in
/// repair mode would be of no use to its program, so it must not stay there even if we are killed at this very instant: on and off
/// are requests of one io_uring submission, which the kernel carries out in order within a single system call, and nobody is killed inside.
/// </summary>
public sealed unsafe class TcpQueueReader : IDisposable
{
    // struct io_uring_params, io_uring_sqe, io_uring_cqe (linux/io_uring.h).
    private const int ParametersSize = 120;
    private const int EntrySize = 64;
    private const int CompletionSize = 16;
    private const uint Entries = 8;
    private const uint IORING_SETUP_SUBMIT_ALL = 1 << 7;
    private const long IORING_OFF_SQES = 0x10000000;
    private const byte IORING_OP_RECV = 27;
    private const byte IORING_OP_URING_CMD = 46;
    private const uint SOCKET_URING_OP_SETSOCKOPT = 3;
    private const int PROT_READ_WRITE = 3;
    private const int MAP_SHARED_POPULATE = 0x8001;
    private const int MAP_PRIVATE_ANONYMOUS_POPULATE = 0x8022;

    private readonly Descriptor _ring;
    private readonly byte* _queues;
    private readonly byte* _entries;
    private readonly int _queuesSize;
    private readonly uint _tailAt, _arrayAt, _doneHeadAt, _doneTailAt, _completionsAt;
    private int _count;

    private TcpQueueReader(Descriptor ring, byte* parameters)
    {
        _ring = ring;
        var read = new ReadOnlySpan<byte>(parameters, ParametersSize);
        // struct io_sqring_offsets at 40: head, tail, mask, entries, flags, dropped, array; io_cqring_offsets at 80: head, tail, mask, entries, overflow, cqes.
        _tailAt = BinaryPrimitives.ReadUInt32LittleEndian(read[44..]);
        _arrayAt = BinaryPrimitives.ReadUInt32LittleEndian(read[64..]);
        _doneHeadAt = BinaryPrimitives.ReadUInt32LittleEndian(read[80..]);
        _doneTailAt = BinaryPrimitives.ReadUInt32LittleEndian(read[84..]);
        _completionsAt = BinaryPrimitives.ReadUInt32LittleEndian(read[100..]);
        _queuesSize = (int)(Math.Max(_arrayAt + Entries * 4, _completionsAt + 2 * Entries * CompletionSize));
        _queues = Map(_queuesSize, MAP_SHARED_POPULATE, ring.Number, 0);
        _entries = Map((int)Entries * EntrySize, MAP_SHARED_POPULATE, ring.Number, IORING_OFF_SQES);
    }

    /// <returns>Null, and why, where the kernel does not let us have an io_uring.</returns>
    public static TcpQueueReader? TryCreate(out int errno)
    {
        byte* parameters = stackalloc byte[ParametersSize];
        new Span<byte>(parameters, ParametersSize).Clear();
        *(uint*)(parameters + 8) = IORING_SETUP_SUBMIT_ALL;
        long ring = RawSyscall.Try(SyscallNumber.io_uring_setup, (nint)Entries, (nint)parameters);
        errno = ring < 0 ? (int)-ring : 0;
        return ring < 0 ? null : new TcpQueueReader(new Descriptor((int)ring), parameters);
    }

    /// <summary>The sequence number behind the last byte of a queue, and, of the queue to send, its last bytes.</summary>
    /// <param name="peek">How many bytes to read at most.</param>
    public (uint Sequence, byte[] Content) Read(Descriptor socket, int queue, int peek)
    {
        // Repair mode leaves SO_REUSEADDR off.
        int reuse = SocketCalls.GetInt(socket, SocketOptions.SOL_SOCKET, SocketOptions.SO_REUSEADDR);
        // Populated before, so that no page is missing in between.
        int size = PageSize.Bytes + (int)PageSize.RoundUp((ulong)peek);
        byte* memory = Map(size, MAP_PRIVATE_ANONYMOUS_POPULATE, -1, 0);
        try
        {
            int* values = (int*)memory;
            (values[0], values[1], values[2], values[3]) = (TcpRepair.TCP_REPAIR_ON, queue, TcpRepair.TCP_REPAIR_OFF_NO_WP, reuse);
            new Span<byte>(_entries, (int)Entries * EntrySize).Clear();
            _count = 0;
            SetOption(socket, SocketOptions.SOL_TCP, TcpRepair.TCP_REPAIR, values);
            SetOption(socket, SocketOptions.SOL_TCP, TcpRepair.TCP_REPAIR_QUEUE, values + 1);
            if (peek > 0)
                Peek(socket, memory + PageSize.Bytes, peek);
            SetOption(socket, SocketOptions.SOL_TCP, TcpRepair.TCP_REPAIR, values + 2);
            SetOption(socket, SocketOptions.SOL_SOCKET, SocketOptions.SO_REUSEADDR, values + 3);
            int got = Submit(socket, peek > 0);
            // This number can be read afterwards: which queue is meant is remembered.
            uint sequence = (uint)SocketCalls.GetInt(socket, SocketOptions.SOL_TCP, TcpRepair.TCP_QUEUE_SEQ);
            return (sequence, new ReadOnlySpan<byte>(memory + PageSize.Bytes, got).ToArray());
        }
        finally
        {
            RawSyscall.Try(SyscallNumber.munmap, (nint)memory, size);
        }
    }

    public void Dispose()
    {
        RawSyscall.Try(SyscallNumber.munmap, (nint)_queues, _queuesSize);
        RawSyscall.Try(SyscallNumber.munmap, (nint)_entries, (nint)Entries * EntrySize);
        _ring.Dispose();
    }

    private static byte* Map(int size, int flags, int fd, long offset) =>
        (byte*)RawSyscall.Call(SyscallNumber.mmap, "io_uring", 0, size, PROT_READ_WRITE, flags, fd, (nint)offset);

    private byte* NextEntry(byte operation, Descriptor socket)
    {
        byte* entry = _entries + _count * EntrySize;
        entry[0] = operation;
        *(int*)(entry + 4) = socket.Number;
        *(ulong*)(entry + 32) = (ulong)_count++;
        return entry;
    }

    private void SetOption(Descriptor socket, int level, int name, int* value)
    {
        byte* entry = NextEntry(IORING_OP_URING_CMD, socket);
        *(uint*)(entry + 8) = SOCKET_URING_OP_SETSOCKOPT;
        *(int*)(entry + 16) = level;
        *(int*)(entry + 20) = name;
        *(int*)(entry + 44) = sizeof(int);
        *(ulong*)(entry + 48) = (ulong)value;
    }

    private void Peek(Descriptor socket, byte* buffer, int size)
    {
        byte* entry = NextEntry(IORING_OP_RECV, socket);
        *(ulong*)(entry + 16) = (ulong)buffer;
        *(int*)(entry + 24) = size;
        *(int*)(entry + 28) = SocketOptions.MSG_PEEK | SocketOptions.MSG_DONTWAIT;
    }

    /// <returns>Bytes that were peeked.</returns>
    private int Submit(Descriptor socket, bool peeked)
    {
        uint tail = *(uint*)(_queues + _tailAt);
        for (int i = 0; i < _count; i++)
            *(uint*)(_queues + _arrayAt + ((tail + i) % Entries) * 4) = (uint)i;
        Volatile.Write(ref *(uint*)(_queues + _tailAt), tail + (uint)_count);
        long submitted = RawSyscall.Try(SyscallNumber.io_uring_enter, _ring.Number, _count);
        if (submitted != _count)
        {
            // Out of memory half-way, before the last was taken: put right at once what is left.
            SocketCalls.TrySetOption(socket, SocketOptions.SOL_TCP, TcpRepair.TCP_REPAIR, BitConverter.GetBytes(TcpRepair.TCP_REPAIR_OFF_NO_WP));
            throw new LinuxException("io_uring_enter", $"descriptor {socket.Number}", submitted < 0 ? (int)-submitted : Errno.ENOMEM);
        }
        int got = 0;
        uint head = *(uint*)(_queues + _doneHeadAt);
        uint end = Volatile.Read(ref *(uint*)(_queues + _doneTailAt));
        for (; head != end; head++)
        {
            byte* completion = _queues + _completionsAt + head % (2 * Entries) * CompletionSize;
            int result = *(int*)(completion + 8);
            if (peeked && *(ulong*)completion == 2)
                got = result == -Errno.EAGAIN ? 0 : result;
            else if (result < 0)
                got = Math.Min(got, result);
        }
        *(uint*)(_queues + _doneHeadAt) = head;
        return got >= 0 ? got : throw new LinuxException("setsockopt(TCP_REPAIR) by io_uring", $"descriptor {socket.Number}", -got);
    }
}
