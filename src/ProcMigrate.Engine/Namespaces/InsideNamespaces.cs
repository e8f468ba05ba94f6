using System.Globalization;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// What this process knows where it is the command's second self, inside a tree's namespaces (<see cref="NamespaceLauncher"/>).
/// It is told by an environment variable, which no tree inherits: restored processes begin with an empty environment.
/// </summary>
public sealed class InsideNamespaces
{
    internal const string Variable = "PROCMIGRATE_INSIDE";

    // The outer /proc, as a folder held open: the only way to what processes are called outside.
    private readonly int _outerProc;

    private InsideNamespaces(int outerProc, int? image, IReadOnlyList<int> pids, bool ownsIpc, int? view, string mounts) =>
        (_outerProc, ImageDescriptor, Pids, OwnsIpc, ViewDescriptor, MountNamespace) = (outerProc, image, pids, ownsIpc, view, mounts);

    /// <summary>Null in a command that runs where it was called.</summary>
    public static InsideNamespaces? Current { get; } = Parse(Environment.GetEnvironmentVariable(Variable));

    /// <summary>The image, where it has no name that could be opened here: it came on stdin.</summary>
    public int? ImageDescriptor { get; }

    /// <summary>Whether the System V objects here are the tree's own, all of them, and end with it.</summary>
    public bool OwnsIpc { get; }

    /// <summary>The mount namespace of the tree to be saved, as /proc/PID/ns/mnt names it. Ours is a copy of the caller's, and shows the same but for a view.</summary>
    public string MountNamespace { get; }

    /// <summary>The tree's mounts, where files have other names there than for the caller (<see cref="TreeView"/>).</summary>
    internal int? ViewDescriptor { get; }

    /// <summary>What the processes named on the command line are called here.</summary>
    public IReadOnlyList<int> Pids { get; }

    /// <summary>A process of the tree as it is called where the command was called, and how the tree calls it where that is not the same.</summary>
    internal static ProcessSummary Summarize(ProcessRecord process) => Current?.OuterPid(process.Pid) is { } outer && outer != process.Pid
        ? new ProcessSummary(outer, process.Name, process.Threads.Count, process.Pid)
        : new ProcessSummary(process.Pid, process.Name, process.Threads.Count);

    /// <summary>How a process is called outside.</summary>
    public int OuterPid(int pid)
    {
        // fdinfo of a pidfd speaks in the pids of the /proc that it is read through.
        using PidFd process = PidFd.Open(pid);
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_outerProc}/self/fdinfo/{process.Descriptor.Number}");
        foreach (string line in FileCalls.ReadText(path).Split('\n'))
        {
            if (line.StartsWith("Pid:", StringComparison.Ordinal))
                return int.Parse(line.AsSpan(4), CultureInfo.InvariantCulture);
        }
        throw new LinuxException("pidfd", $"process {pid}", Errno.ESRCH);
    }

    internal static string Describe(int outerProc, int? image, IEnumerable<int> pids, bool ownsIpc, TreeNamespaces? target) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Variable}={outerProc};{image ?? -1};{string.Join(',', pids)};{(ownsIpc ? 1 : 0)};{target?.View?.Descriptor.Number ?? -1};{target?.MountNamespace}");

    private static InsideNamespaces? Parse(string? text)
    {
        if (text?.Split(';') is not [var proc, var image, var pids, var ipc, var view, var mounts])
            return null;
        int outerProc = Number(proc), imageNumber = Number(image), viewNumber = Number(view);
        const int F_SETFD = 2, FD_CLOEXEC = 1;
        foreach (int fd in (int[])[outerProc, imageNumber, viewNumber])
        {
            if (fd >= 0)
                RawSyscall.Call(Linux.X64.SyscallNumber.fcntl, $"descriptor {fd}", fd, F_SETFD, FD_CLOEXEC);
        }
        var inner = new List<int>();
        foreach (string pid in pids.Split(',', StringSplitOptions.RemoveEmptyEntries))
            inner.Add(Number(pid));
        return new InsideNamespaces(
            outerProc, imageNumber < 0 ? null : imageNumber, inner, Number(ipc) != 0, viewNumber < 0 ? null : viewNumber, mounts);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
