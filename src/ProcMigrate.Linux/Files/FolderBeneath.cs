using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct open_how of openat2(2).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct OpenHow
{
    public ulong flags;
    public ulong mode;
    public ulong resolve;
}

/// <summary>
/// A folder in which names that nobody vouches for are made, opened and removed. The kernel itself refuses whatever would lead out of it:
/// "..", absolute names, symbolic links and /proc's magic links at any place of a name, and other file systems.
/// </summary>
public sealed unsafe class FolderBeneath(Descriptor folder, string path) : IDisposable
{
    private const ulong RESOLVE_NO_XDEV = 1, RESOLVE_NO_MAGICLINKS = 2, RESOLVE_NO_SYMLINKS = 4, RESOLVE_BENEATH = 8;
    private const int AT_REMOVEDIR = 0x200;
    private const int S_IFIFO = 0x1000;
    private const OpenFlags Place = OpenFlags.O_PATH | OpenFlags.O_DIRECTORY;

    public Descriptor Folder => folder;

    /// <summary>Where it was when it was opened.</summary>
    public string Path => path;

    public static FolderBeneath Open(string path) =>
        new(FileCalls.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW), path);

    /// <param name="name">Relative; may have several components.</param>
    public Descriptor Open(string name, OpenFlags flags, int mode = 0)
    {
        OpenHow how = new()
        {
            flags = (ulong)(flags | OpenFlags.O_NOFOLLOW | OpenFlags.O_CLOEXEC),
            mode = (ulong)mode,
            resolve = RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
        };
        fixed (byte* p = CString.Of(name))
        {
            long fd;
            do
                fd = RawSyscall.Try(SyscallNumber.openat2, folder.Number, (nint)p, (nint)(&how), sizeof(OpenHow));
            while (fd is -Errno.EINTR or -Errno.EAGAIN); // EAGAIN: a rename elsewhere, while the kernel made sure of "beneath"
            return new Descriptor((int)RawSyscall.Check(fd, "openat2", Full(name)));
        }
    }

    /// <summary>One name, as it is, mount point or not; <see cref="OpenFlags.O_NOFOLLOW"/> is the caller's.</summary>
    public Descriptor OpenNext(string name, OpenFlags flags)
    {
        fixed (byte* p = CString.Of(name))
            return new Descriptor((int)RawSyscall.Call(SyscallNumber.openat, Full(name), folder.Number, (nint)p, (nint)(flags | OpenFlags.O_CLOEXEC)));
    }

    /// <summary>A file without a name, in this folder.</summary>
    public Descriptor OpenNameless(int mode) => Open(".", OpenFlags.O_TMPFILE | OpenFlags.O_RDWR, mode);

    /// <summary>Gives a file without a name one in this folder.</summary>
    public void Name(Descriptor file, string name)
    {
        const int AT_FDCWD = -100, AT_SYMLINK_FOLLOW = 0x400;
        fixed (byte* from = CString.Of($"/proc/self/fd/{file.Number}"))
        fixed (byte* to = CString.Of(name))
            RawSyscall.Call(SyscallNumber.linkat, Full(name), AT_FDCWD, (nint)from, folder.Number, (nint)to, AT_SYMLINK_FOLLOW);
    }

    public void MakeFolder(string name) => In(name, SyscallNumber.mkdirat, 0x1c0 /* 0700 */);

    public void MakeFifo(string name) => In(name, SyscallNumber.mknodat, S_IFIFO | 0x180 /* 0600 */);

    /// <param name="target">What it leads to; never followed here.</param>
    public void MakeSymbolicLink(string name, string target)
    {
        using Descriptor parent = Parent(name, out string last);
        fixed (byte* to = CString.Of(target))
        fixed (byte* p = CString.Of(last))
            RawSyscall.Call(SyscallNumber.symlinkat, Full(name), (nint)to, parent.Number, (nint)p);
    }

    /// <summary>A further name for a file beneath.</summary>
    public void Link(string existing, string name)
    {
        using Descriptor from = Parent(existing, out string file);
        using Descriptor parent = Parent(name, out string last);
        fixed (byte* f = CString.Of(file))
        fixed (byte* p = CString.Of(last))
            RawSyscall.Call(SyscallNumber.linkat, Full(name), from.Number, (nint)f, parent.Number, (nint)p);
    }

    /// <summary>Removes a name; of a folder, only if it is empty.</summary>
    /// <returns>Minus errno, or 0.</returns>
    public long TryRemove(string name, bool isFolder)
    {
        try
        {
            using Descriptor parent = Parent(name, out string last);
            fixed (byte* p = CString.Of(last))
                return RawSyscall.Try(SyscallNumber.unlinkat, parent.Number, (nint)p, isFolder ? AT_REMOVEDIR : 0);
        }
        catch (LinuxException e)
        {
            return -e.Errno;
        }
    }

    public void Dispose() => folder.Dispose();

    private void In(string name, SyscallNumber call, int mode)
    {
        using Descriptor parent = Parent(name, out string last);
        fixed (byte* p = CString.Of(last))
            RawSyscall.Call(call, Full(name), parent.Number, (nint)p, mode);
    }

    private Descriptor Parent(string name, out string last)
    {
        int slash = name.LastIndexOf('/');
        last = name[(slash + 1)..];
        return slash < 0 ? Descriptor.Duplicate(folder.Number) : Open(name[..slash], Place);
    }

    private string Full(string name) => string.Concat(path, "/", name);
}
