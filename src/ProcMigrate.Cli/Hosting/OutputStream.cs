using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Cli.Hosting;

/// <summary>
/// stdout or stderr by write(2) alone. Console's stream puts a terminal's keypad into application mode, which a restored program
/// would inherit; FileStream writes to a file at offsets of its own, over what that program writes to the same open file.
/// </summary>
internal sealed class OutputStream(int descriptor, string name) : Stream
{
    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override unsafe void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            for (var done = 0; done < buffer.Length;)
            {
                var written = RawSyscall.Try(SyscallNumber.write, descriptor, (nint)(bytes + done), buffer.Length - done);
                if (written >= 0)
                    done += (int)written;
                else if (written == -Errno.EAGAIN)
                    Thread.Sleep(1); // Somebody made the terminal or pipe that we share with them non-blocking.
                else if (written != -Errno.EINTR)
                    throw new IOException($"write to {name} failed: {Errno.Describe((int)-written)}");
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
