using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>
/// Adopts the orphans of the test process and reaps those that it was told of. A zombie keeps its pid, so without this no pid would be
/// free for a restore until the machine's init cares; and so the exit status of restored programs comes here.
/// </summary>
internal static class Reaper
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<int, List<int>> Statuses = [];
    private static readonly HashSet<int> Held = [];
    private static readonly HashSet<int> Sessions = [];
    private static Thread? thread;

    /// <summary>
    /// Starts a child that the runtime reaps. Pids come round again: the child may get one that a program long dead had and that is still
    /// watched here, and the runtime aborts the whole run of tests when it finds that somebody else has reaped a child of its own.
    /// </summary>
    internal static Process StartChild(ProcessStartInfo start)
    {
        // Nobody is reaped here meanwhile.
        lock (Gate)
        {
            Process child = Process.Start(start) ?? throw new InvalidOperationException("cannot start " + start.FileName);
            Statuses.Remove(child.Id);
            return child;
        }
    }

    /// <summary>From now on every death of this pid is reaped, also of a restored process that has it again.</summary>
    internal static void Watch(int pid)
    {
        lock (Gate)
        {
            Statuses[pid] = [];
            Held.Remove(pid);
        }
    }

    /// <summary>The same for the descendants of a process, which become our orphans when it is killed. Those known already stay so.</summary>
    internal static void WatchDescendants(int pid)
    {
        foreach (int child in Descendants(pid))
        {
            lock (Gate)
                Statuses.TryAdd(child, []);
        }
    }

    /// <summary>The same for all that ever become our orphans out of the session of a process; a build starts new ones all the time.</summary>
    internal static void WatchSession(int leader)
    {
        lock (Gate)
            Sessions.Add(leader);
    }

    /// <summary>A process's children and theirs, and what its session left to us when its parent ended.</summary>
    internal static IReadOnlyList<int> Descendants(int pid)
    {
        List<int> found = Children($"/proc/{pid}/task");
        found.AddRange(Children("/proc/self/task").Where(child => child != pid && SessionOf(child) == pid));
        for (int i = 0; i < found.Count; i++)
            found.AddRange(Children($"/proc/{found[i]}/task").Except(found));
        return found;
    }

    /// <summary>Becomes the parent of orphans; to be called before the first program starts.</summary>
    internal static void Start()
    {
        lock (Gate)
        {
            if (thread is not null)
                return;
            if (Native.Prctl(Native.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
                throw new Win32Exception(Marshal.GetLastPInvokeError(), "prctl(PR_SET_CHILD_SUBREAPER)");
            thread = new Thread(Run) { IsBackground = true, Name = "reaper" };
            thread.Start();
        }
    }

    /// <summary>Leaves a zombie of this pid until <see cref="Release"/>.</summary>
    internal static void Hold(int pid)
    {
        lock (Gate)
            Held.Add(pid);
    }

    internal static void Release(int pid)
    {
        lock (Gate)
            Held.Remove(pid);
    }

    /// <summary>The wait statuses seen of this pid, oldest first.</summary>
    internal static IReadOnlyList<int> StatusesOf(int pid)
    {
        lock (Gate)
            return Statuses.TryGetValue(pid, out List<int>? seen) ? [.. seen] : [];
    }

    internal static void Forget(int pid)
    {
        lock (Gate)
        {
            Statuses.Remove(pid);
            Sessions.Remove(pid);
        }
    }

    /// <summary>Kills every program that some test still watches, with its descendants.</summary>
    internal static void KillWatched()
    {
        List<int> watched;
        lock (Gate)
        {
            // Those that are our children only: the pid of another may be somebody else's by now.
            watched = [.. Children("/proc/self/task").Where(Statuses.ContainsKey)];
        }
        foreach (int pid in watched)
        {
            int[] tree = [.. Descendants(pid), pid];
            foreach (int process in tree)
                _ = Native.Kill(process, Native.SIGKILL);
        }
    }

    /// <summary>Children of the test process that nobody knows: what an engine left behind.</summary>
    internal static IReadOnlyList<int> Strays()
    {
        List<int> strays = Children("/proc/self/task");
        lock (Gate)
            strays.RemoveAll(Statuses.ContainsKey);
        return strays;
    }

    private static List<int> Children(string tasks)
    {
        List<int> children = [];
        foreach (string folder in Threads(tasks))
        {
            string line = Proc.ReadText($"{folder}/children") ?? "";
            children.AddRange(line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse));
        }
        return children;
    }

    private static string[] Threads(string tasks)
    {
        try
        {
            return Directory.GetDirectories(tasks);
        }
        catch (IOException)
        {
            // The process has ended: before it was opened, or while it was listed (ESRCH).
            return [];
        }
    }

    private static int SessionOf(int pid) => Proc.Stat($"/proc/{pid}") is { } stat ? int.Parse(stat[6 - 3]) : 0;

    private static void Run()
    {
        while (true)
        {
            lock (Gate)
            {
                if (Sessions.Count > 0)
                {
                    foreach (int child in Children("/proc/self/task").Where(child => Sessions.Contains(SessionOf(child))))
                        Statuses.TryAdd(child, []);
                }
                foreach ((int pid, List<int> seen) in Statuses)
                {
                    if (!Held.Contains(pid) && Native.WaitPid(pid, out int status, Native.WNOHANG) == pid)
                        seen.Add(status);
                }
            }
            Thread.Sleep(2);
        }
    }
}
