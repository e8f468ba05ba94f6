using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>Pipes and FIFOs (pipe(7)).</summary>
public static unsafe class Pipes
{
    private const int F_SETPIPE_SZ = 1031;
    private const int F_GETPIPE_SZ = 1032;
    private const int FIONREAD = 0x541b;
    private const int SPLICE_F_NONBLOCK = 2;

    /// <summary>A new pipe, neither end blocking.</summary>
    public static (Descriptor Read, Descriptor Write) Create()
    {
        int* ends = stackalloc int[2];
        RawSyscall.Call(SyscallNumber.pipe2, "a new pipe", (nint)ends, (nint)(OpenFlags.O_CLOEXEC | OpenFlags.O_NONBLOCK));
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    public static int GetCapacity(Descriptor end) =>
        (int)RawSyscall.Call(SyscallNumber.fcntl, $"pipe, descriptor {end.Number}", end.Number, F_GETPIPE_SZ);

    /// <summary>Sets the size of the buffer in bytes. Above /proc/sys/fs/pipe-max-size it needs CAP_SYS_RESOURCE.</summary>
    public static void SetCapacity(Descriptor end, int bytes) =>
        RawSyscall.Call(SyscallNumber.fcntl, $"a pipe of {bytes} bytes", end.Number, F_SETPIPE_SZ, bytes);

    /// <summary>The largest buffer that everybody may give a pipe, where this is one; each end is woken less often then.</summary>
    public static void Widen(SafeHandle end)
    {
        const int Largest = 1 << 20; // /proc/sys/fs/pipe-max-size, unless changed
        RawSyscall.Try(SyscallNumber.fcntl, end.DangerousGetHandle(), F_SETPIPE_SZ, Largest);
    }

    /// <summary>Bytes that can be read: of pipes, sockets, terminals, and of an inotify queue.</summary>
    public static int BytesToRead(Descriptor file)
    {
        int bytes;
        RawSyscall.Call(SyscallNumber.ioctl, $"FIONREAD of descriptor {file.Number}", file.Number, FIONREAD, (nint)(&bytes));
        return bytes;
    }

    /// <summary>Copies what is in one pipe to another without consuming it; packets stay packets.</summary>
    /// <returns>Bytes copied.</returns>
    public static int Tee(Descriptor from, Descriptor to) => (int)RawSyscall.Call(
        SyscallNumber.tee, $"pipe, descriptor {from.Number}", from.Number, to.Number, int.MaxValue, SPLICE_F_NONBLOCK);

    /// <summary>One read(2): of a packet pipe one packet at most, of others what there is.</summary>
    public static int Read(Descriptor end, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
            return (int)RawSyscall.Call(SyscallNumber.read, $"pipe, descriptor {end.Number}", end.Number, (nint)p, buffer.Length);
    }

    /// <summary>One write(2) of all, or an exception.</summary>
    public static void Write(Descriptor end, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            long written = RawSyscall.Call(SyscallNumber.write, $"pipe, descriptor {end.Number}", end.Number, (nint)p, bytes.Length);
            if (written != bytes.Length)
                throw new LinuxException("write", $"pipe, descriptor {end.Number}: only {written} of {bytes.Length} bytes", Errno.ENOSPC);
        }
    }
}
