using System.Buffers;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>Calls on files that .NET does not offer, or offers with opinions of its own.</summary>
public static unsafe class FileCalls
{
    private const int AT_FDCWD = -100;
    private const int F_GETFL = 3;
    private const int F_SETFL = 4;
    private const int F_SETFD = 2;

    public static Descriptor Open(string path, OpenFlags flags, int mode = 0)
    {
        fixed (byte* p = CString.Of(path))
        {
            long fd;
            do
                fd = RawSyscall.Try(SyscallNumber.openat, AT_FDCWD, (nint)p, (nint)(flags | OpenFlags.O_CLOEXEC), mode);
            while (fd == -Errno.EINTR);
            return new Descriptor((int)RawSyscall.Check(fd, "open", path));
        }
    }

    public static OpenFlags GetFlags(Descriptor file) =>
        (OpenFlags)RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_GETFL);

    /// <summary>Sets O_APPEND, O_NONBLOCK, O_ASYNC, O_DIRECT and O_NOATIME, all that F_SETFL can change.</summary>
    public static void SetFlags(Descriptor file, OpenFlags flags) =>
        RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_SETFL, (nint)flags);

    /// <summary>Lets the descriptor survive an exec; the default here is that none does.</summary>
    public static void ClearCloseOnExec(Descriptor file) =>
        RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_SETFD, 0);

    public static long Seek(Descriptor file, long offset, int whence = 0) =>
        RawSyscall.Call(SyscallNumber.lseek, $"descriptor {file.Number}", file.Number, (nint)offset, whence);

    /// <summary>Whether it can be opened for reading: of a link in /proc, whether what is behind it is for us.</summary>
    public static bool MayRead(string path)
    {
        try
        {
            Open(path, OpenFlags.O_RDONLY).Dispose();
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.EACCES)
        {
            return false;
        }
    }

    /// <summary>Throws where this process may not do to a path what the access(2) bits say.</summary>
    public static void CheckAccess(string path, int access)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.faccessat, path, AT_FDCWD, (nint)p, access);
    }

    /// <summary>The same for this thread, with the file system ids and capabilities that it has now (access(2) asks for the real ids).</summary>
    /// <param name="target">For the error message.</param>
    public static void CheckThreadAccess(string path, int access, string target)
    {
        const int AT_EACCESS = 0x200;
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.faccessat2, target, AT_FDCWD, (nint)p, access, AT_EACCESS);
    }

    /// <summary>The target of a symbolic link; of /proc links, the kernel's name for the object.</summary>
    public static string ReadLink(string path)
    {
        const int Longest = 2 * 4096;
        byte* buffer = stackalloc byte[Longest];
        fixed (byte* name = CString.Of(path))
        {
            long length = RawSyscall.Call(SyscallNumber.readlinkat, path, AT_FDCWD, (nint)name, (nint)buffer, Longest);
            return CString.Decode(new ReadOnlySpan<byte>(buffer, (int)length));
        }
    }

    /// <summary>Reads at an offset; fewer bytes only at the end.</summary>
    /// <param name="target">For the error message, where the descriptor's number would say nothing.</param>
    public static int ReadAt(Descriptor file, Span<byte> buffer, long offset, string? target = null)
    {
        int done = 0;
        fixed (byte* p = buffer)
        {
            while (done < buffer.Length)
            {
                long n = RawSyscall.Try(SyscallNumber.pread64, file.Number, (nint)(p + done), buffer.Length - done, (nint)(offset + done));
                if (n == -Errno.EINTR)
                    continue;
                if (RawSyscall.Check(n, "pread", target ?? $"descriptor {file.Number}") == 0)
                    break;
                done += (int)n;
            }
        }
        return done;
    }

    /// <param name="target">For the error message, where the descriptor's number would say nothing.</param>
    public static void WriteAt(Descriptor file, ReadOnlySpan<byte> buffer, long offset, string? target = null)
    {
        int done = 0;
        fixed (byte* p = buffer)
        {
            while (done < buffer.Length)
            {
                long n = RawSyscall.Try(SyscallNumber.pwrite64, file.Number, (nint)(p + done), buffer.Length - done, (nint)(offset + done));
                if (n == -Errno.EINTR)
                    continue;
                // No progress is none ever: /proc/PID/mem answers 0 when the process has ended.
                done += (int)RawSyscall.Check(n == 0 ? -Errno.EIO : n, "pwrite", target ?? $"descriptor {file.Number}");
            }
        }
    }

    /// <summary>One byte of a stream; null at its end, or where it is broken.</summary>
    public static byte? TryReadByte(Descriptor file)
    {
        byte value;
        return RawSyscall.Try(SyscallNumber.read, file.Number, (nint)(&value), 1) == 1 ? value : null;
    }

    /// <returns>False where nobody reads any more.</returns>
    public static bool TryWriteByte(Descriptor file, byte value) => RawSyscall.Try(SyscallNumber.write, file.Number, (nint)(&value), 1) == 1;

    public static void SetOwner(Descriptor file, uint uid, uint gid) =>
        RawSyscall.Call(SyscallNumber.fchown, $"descriptor {file.Number}", file.Number, (nint)uid, (nint)gid);

    public static void SetLength(Descriptor file, long length) =>
        RawSyscall.Call(SyscallNumber.ftruncate, $"descriptor {file.Number}", file.Number, (nint)length);

    public static void SetMode(Descriptor file, int mode) =>
        RawSyscall.Call(SyscallNumber.fchmod, $"descriptor {file.Number}", file.Number, mode);

    /// <summary>Next range with data at or behind an offset (SEEK_DATA, SEEK_HOLE); null where only a hole is left.</summary>
    public static (long Start, long End)? NextData(Descriptor file, long offset)
    {
        const int SEEK_DATA = 3, SEEK_HOLE = 4;
        long start = RawSyscall.Try(SyscallNumber.lseek, file.Number, (nint)offset, SEEK_DATA);
        if (start == -Errno.ENXIO)
            return null;
        RawSyscall.Check(start, "lseek(SEEK_DATA)", $"descriptor {file.Number}");
        return (start, Seek(file, start, SEEK_HOLE));
    }

    /// <summary>The whole of a /proc file: these have no size, and must be read in one go from the start.</summary>
    public static byte[] ReadAll(string path)
    {
        using Descriptor file = Open(path, OpenFlags.O_RDONLY);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            int length = 0;
            while (true)
            {
                int n = ReadOnce(file, buffer.AsSpan(length), path);
                if (n == 0)
                    return buffer[..length];
                length += n;
                if (length == buffer.Length)
                    buffer = Grow(buffer);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static byte[] Grow(byte[] full)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(full.Length * 2);
        full.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(full);
        return larger;
    }

    /// <summary>By path, links followed.</summary>
    public static void SetOwner(string path, uint uid, uint gid)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.chown, path, (nint)p, (nint)uid, (nint)gid);
    }

    public static void SetMode(string path, int mode)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.chmod, path, (nint)p, mode);
    }

    public static string ReadText(string path) => CString.Decode(ReadAll(path));

    public static void WriteText(string path, string text)
    {
        using Descriptor file = Open(path, OpenFlags.O_WRONLY);
        byte[] bytes = CString.Of(text);
        fixed (byte* p = bytes)
            RawSyscall.Call(SyscallNumber.write, path, file.Number, (nint)p, bytes.Length - 1);
    }

    private static int ReadOnce(Descriptor file, Span<byte> buffer, string target)
    {
        fixed (byte* p = buffer)
        {
            long n;
            do
                n = RawSyscall.Try(SyscallNumber.read, file.Number, (nint)p, buffer.Length);
            while (n == -Errno.EINTR);
            return (int)RawSyscall.Check(n, "read", target);
        }
    }
}
