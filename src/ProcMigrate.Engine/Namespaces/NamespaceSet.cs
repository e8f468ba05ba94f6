using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>The namespaces of a process, held open.</summary>
internal sealed class NamespaceSet : IDisposable
{
    /// <summary>In the order in which they are entered, and with what setns(2) calls them.</summary>
    public static readonly IReadOnlyList<(string Kind, ulong Flag)> Kinds =
    [
        ("user", RestoreNamespaces.CLONE_NEWUSER), ("mnt", RestoreNamespaces.CLONE_NEWNS), ("pid", RestoreNamespaces.CLONE_NEWPID),
        ("ipc", RestoreNamespaces.CLONE_NEWIPC), ("time", RestoreNamespaces.CLONE_NEWTIME),
    ];

    private readonly Dictionary<string, NamespaceFile> _files = [];

    private NamespaceSet()
    {
    }

    public static NamespaceSet Of(int pid) => Open(kind => NamespaceFile.Open(pid, kind));

    public static NamespaceSet OfThisCommand() => Open(NamespaceFile.OpenOwn);

    public NamespaceFile this[string kind] => _files[kind];

    /// <summary>A kind that this kernel does not have differs nowhere.</summary>
    public bool Differs(NamespaceSet other, string kind) => _files.TryGetValue(kind, out NamespaceFile? file) && !file.IsSame(other[kind]);

    public void Dispose()
    {
        foreach (NamespaceFile file in _files.Values)
            file.Dispose();
    }

    private static NamespaceSet Open(Func<string, NamespaceFile> open)
    {
        var set = new NamespaceSet();
        try
        {
            foreach ((string kind, _) in Kinds)
            {
                try
                {
                    set._files.Add(kind, open(kind));
                }
                catch (LinuxException e) when (e.Errno == Errno.ENOENT && kind == "time")
                {
                    // A kernel without CONFIG_TIME_NS.
                }
            }
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }
}
