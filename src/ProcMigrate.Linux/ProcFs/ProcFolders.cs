using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>The numbered folders below /proc.</summary>
public static class ProcFolders
{
    /// <summary>Every process that /proc shows.</summary>
    public static List<int> Processes() => Numbers("/proc");

    /// <summary>Thread ids of a process, the leader first.</summary>
    public static List<int> Threads(int pid) => Numbers($"/proc/{pid}/task");

    /// <summary>The same; none where the process has ended.</summary>
    public static List<int> TryThreads(int pid)
    {
        try
        {
            return Threads(pid);
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            return [];
        }
    }

    /// <summary>Open descriptors of a process, in order.</summary>
    public static List<int> Descriptors(int pid) => Numbers($"/proc/{pid}/fd");

    /// <summary>What the open descriptors of a running process lead to. One closed since it was listed is left out, and hides none of the others.</summary>
    public static List<string> DescriptorLinks(int pid)
    {
        var links = new List<string>();
        foreach (int fd in Descriptors(pid))
        {
            try
            {
                links.Add(FileCalls.ReadLink($"/proc/{pid}/fd/{fd}"));
            }
            catch (LinuxException e) when (e.Errno == Errno.ENOENT)
            {
            }
        }
        return links;
    }

    /// <summary>Children of a process: of each of its threads, since each has its own list.</summary>
    public static List<int> Children(int pid)
    {
        var children = new List<int>();
        foreach (int tid in Threads(pid))
        {
            string text = FileCalls.ReadText($"/proc/{pid}/task/{tid}/children");
            children.AddRange(text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(t => int.Parse(t, CultureInfo.InvariantCulture)));
        }
        return children;
    }

    /// <summary>The name of a namespace or other object behind a /proc link, such as <c>mnt:[4026531841]</c>.</summary>
    public static string Namespace(int pid, string name) => FileCalls.ReadLink($"/proc/{pid}/ns/{name}");

    /// <summary>
    /// By getdents64(2), and nothing more: .NET's enumeration asks for what each symbolic link leads to, which a file system that gives no
    /// answer would hang, and which costs a call for each descriptor.
    /// </summary>
    private static unsafe List<int> Numbers(string folder)
    {
        var numbers = new List<int>();
        try
        {
            using Descriptor open = FileCalls.Open(folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
            byte[] buffer = new byte[32 * 1024];
            fixed (byte* p = buffer)
            {
                while (RawSyscall.Call(SyscallNumber.getdents64, folder, open.Number, (nint)p, buffer.Length) is > 0 and var length)
                    AddNumbers(buffer.AsSpan(0, (int)length), numbers);
            }
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            throw new LinuxException(e.Call, folder, Errno.ESRCH);
        }
        numbers.Sort();
        return numbers;
    }

    /// <summary>struct linux_dirent64: inode and offset (8 bytes each), length of the entry (2), type (1), name.</summary>
    private static void AddNumbers(ReadOnlySpan<byte> entries, List<int> numbers)
    {
        const int Length = 16, Name = 19;
        while (entries.Length > Name)
        {
            ReadOnlySpan<byte> name = entries[Name..BinaryPrimitives.ReadUInt16LittleEndian(entries[Length..])];
            if (Utf8Parser.TryParse(name, out int number, out int digits) && name[digits] == 0 && name[0] is >= (byte)'0' and <= (byte)'9')
                numbers.Add(number);
            entries = entries[BinaryPrimitives.ReadUInt16LittleEndian(entries[Length..])..];
        }
    }
}
