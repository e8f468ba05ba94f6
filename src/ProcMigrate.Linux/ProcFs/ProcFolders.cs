using System.Globalization;
using ProcMigrate.Linux.Files;

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

    private static List<int> Numbers(string folder)
    {
        var numbers = new List<int>();
        try
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(folder))
            {
                if (int.TryParse(Path.GetFileName(path.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                    numbers.Add(number);
            }
        }
        catch (DirectoryNotFoundException)
        {
            throw new LinuxException("readdir", folder, Errno.ESRCH);
        }
        catch (UnauthorizedAccessException)
        {
            throw new LinuxException("readdir", folder, Errno.EACCES);
        }
        numbers.Sort();
        return numbers;
    }
}
