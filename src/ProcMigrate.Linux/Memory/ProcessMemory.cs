using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Memory;

/// <summary>
/// The memory of another process, through /proc/PID/mem, which reads and writes whatever the protection of a page
/// (FOLL_FORCE), and through process_vm_readv, which is about twice as fast but heeds it, and copies what is shared: it pins
/// pages, and before it pins one that processes share copy-on-write the kernel gives the process one of its own
/// (gup_must_unshare in mm/gup.c). The memory of a server with many workers would multiply by being read.
/// </summary>
public sealed unsafe class ProcessMemory : IDisposable
{
    private readonly Descriptor _file;

    private ProcessMemory(int pid, Descriptor file) => (Pid, _file) = (pid, file);

    public int Pid { get; }

    public static ProcessMemory Open(int pid) => new(pid, FileCalls.Open($"/proc/{pid}/mem", OpenFlags.O_RDWR));

    /// <summary>Reads exactly the buffer's length.</summary>
    public void Read(RemoteAddress address, Span<byte> buffer)
    {
        string target = Describe(address, buffer.Length);
        if (FileCalls.ReadAt(_file, buffer, checked((long)address.Value), target) != buffer.Length)
            throw new LinuxException("read", target, Errno.EFAULT);
    }

    /// <summary>The quick way, for much memory that no other process has.</summary>
    public void ReadUnshared(RemoteAddress address, Span<byte> buffer)
    {
        if (!TryReadFast(Pid, address, buffer))
            Read(address, buffer);
    }

    public byte[] Read(RemoteAddress address, int length)
    {
        byte[] buffer = new byte[length];
        Read(address, buffer);
        return buffer;
    }

    public T Read<T>(RemoteAddress address)
        where T : unmanaged
    {
        T value;
        Read(address, new Span<byte>(&value, sizeof(T)));
        return value;
    }

    /// <summary>Writes even into pages the process itself cannot write; private ones are copied, never the file behind.</summary>
    public void Write(RemoteAddress address, ReadOnlySpan<byte> bytes) =>
        FileCalls.WriteAt(_file, bytes, checked((long)address.Value), Describe(address, bytes.Length));

    public void Write<T>(RemoteAddress address, T value)
        where T : unmanaged => Write(address, new ReadOnlySpan<byte>(&value, sizeof(T)));

    /// <summary>process_vm_writev: heeds protection, needs no /proc.</summary>
    public static void WriteFast(int pid, RemoteAddress address, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            ulong done = 0;
            while (done < (ulong)bytes.Length)
            {
                var local = new IoVector { iov_base = (ulong)p + done, iov_len = (ulong)bytes.Length - done };
                var remote = new IoVector { iov_base = address.Value + done, iov_len = local.iov_len };
                long n = RawSyscall.Try(SyscallNumber.process_vm_writev, pid, (nint)(&local), 1, (nint)(&remote), 1);
                done += (ulong)RawSyscall.Check(n == 0 ? -Errno.EFAULT : n, nameof(SyscallNumber.process_vm_writev), $"{address} of process {pid}");
            }
        }
    }

    private static bool TryReadFast(int pid, RemoteAddress address, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            ulong done = 0;
            while (done < (ulong)buffer.Length)
            {
                var local = new IoVector { iov_base = (ulong)p + done, iov_len = (ulong)buffer.Length - done };
                var remote = new IoVector { iov_base = address.Value + done, iov_len = local.iov_len };
                long n = RawSyscall.Try(SyscallNumber.process_vm_readv, pid, (nint)(&local), 1, (nint)(&remote), 1);
                if (n <= 0)
                    return false;
                done += (ulong)n;
            }
            return true;
        }
    }

    private string Describe(RemoteAddress address, int length) => $"{length} bytes at {address} of process {Pid}";

    public void Dispose() => _file.Dispose();
}
