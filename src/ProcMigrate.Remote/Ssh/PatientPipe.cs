using System.Runtime.InteropServices;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Remote.Ssh;

/// <summary>
/// Our end of a pipe to or from ssh. No wait is longer than a moment at a time: a read(2) that blocks cannot be taken back, and killing
/// ssh is not enough to end it, since the master of a shared connection (ControlMaster) holds the pipe, too.
/// </summary>
/// <param name="stop">Looked at before and while waiting; true: nothing is to be waited for any more.</param>
internal sealed class PatientPipe(SafeHandle handle, FarPulse pulse, Func<bool> stop) : Stream
{
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(100);

    /// <summary>Makes it the end to write to: that is nobody's but ours, so its mode of waiting is, too.</summary>
    public PatientPipe ForWriting()
    {
        long flags = RawSyscall.Call(SyscallNumber.fcntl, "the pipe to ssh", handle.DangerousGetHandle(), F_GETFL);
        RawSyscall.Call(SyscallNumber.fcntl, "the pipe to ssh", handle.DangerousGetHandle(), F_SETFL, (nint)(flags | (long)OpenFlags.O_NONBLOCK));
        return this;
    }

    public override unsafe int Read(Span<byte> target)
    {
        if (target.IsEmpty)
            return 0;
        while (true)
        {
            int n = WithHandle(Polling.POLLIN, target, static (fd, buffer, length) => RawSyscall.Try(SyscallNumber.read, fd, (nint)buffer, length));
            if (n < 0)
                continue;
            pulse.Came();
            return n;
        }
    }

    public override unsafe void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            // What the other side takes is a sign of life, however slow the line.
            Span<byte> rest = MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(bytes), bytes.Length);
            int n = WithHandle(Polling.POLLOUT, rest, static (fd, buffer, length) => RawSyscall.Try(SyscallNumber.write, fd, (nint)buffer, length));
            if (n < 0)
                continue;
            pulse.Sign();
            bytes = bytes[n..];
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        handle.Dispose();
        base.Dispose(disposing);
    }

    private unsafe delegate long Transfer(int fd, byte* buffer, int length);

    /// <returns>Bytes; less than 0 where nothing came or went yet.</returns>
    private unsafe int WithHandle(int events, Span<byte> buffer, Transfer transfer)
    {
        if (stop())
            throw new IOException("the connection is given up");
        // Another thread may close it; the number is not to become another file's meanwhile.
        bool held = false;
        handle.DangerousAddRef(ref held);
        try
        {
            if (!Polling.Await(handle, events, Moment))
                return -1;
            long result;
            fixed (byte* p = buffer)
                result = transfer((int)handle.DangerousGetHandle(), p, buffer.Length);
            return result switch
            {
                >= 0 => (int)result,
                -Errno.EAGAIN or -Errno.EINTR => -1,
                _ => throw new IOException($"the pipe to ssh: {Errno.Describe((int)-result)}", (int)-result),
            };
        }
        finally
        {
            if (held)
                handle.DangerousRelease();
        }
    }
}
