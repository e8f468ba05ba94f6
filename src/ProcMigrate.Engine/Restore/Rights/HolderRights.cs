using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore.Rights;

/// <summary>
/// Opens what has a name with the rights of a process of the tree that holds it. Who has the rights to a folder may put anything under the
/// names in it between save and restore, a link to a file of root's among them: then root must not open it for him. What a program opened
/// before it gave rights away is refused this way, and is opened with ours only where it is the very file of the save.
/// </summary>
internal sealed class HolderRights(RestoreContext context) : IDisposable
{
    private readonly CredentialsRecord _own = CredentialFacts.Own();
    private readonly Dictionary<string, HolderThread> _threads = [];
    private Dictionary<int, List<HolderIds>>? _holders;
    private List<HolderIds> _anybody = [];

    /// <summary>Whether we have more rights than the holders of the object.</summary>
    public bool AreLess(int objectId) => LesserOf(objectId).Count > 0;

    /// <summary>Does it with the rights of a holder: of the first whom the kernel does not refuse it.</summary>
    public T Run<T>(int objectId, Func<T> work)
    {
        List<HolderIds> holders = LesserOf(objectId);
        if (holders.Count == 0)
            return work();
        for (int i = 0; ; i++)
        {
            try
            {
                return ThreadOf(holders[i]).Run(work);
            }
            catch (LinuxException e) when (IsRefusal(e) && i < holders.Count - 1)
            {
                // The next holder may have the right.
            }
        }
    }

    /// <param name="open">Opens it by its name.</param>
    public Descriptor Open(int objectId, FileState state, OpenFlags flags, Func<Descriptor> open)
    {
        try
        {
            return Run(objectId, open);
        }
        catch (LinuxException e) when (IsRefusal(e) && AreLess(objectId))
        {
            Descriptor? same = SameAsSaved(state, flags);
            if (same is null || (flags & OpenFlags.O_PATH) != 0)
                return same ?? throw Forbidden(objectId, state.Reachable, e);
            using (same)
                return FileCalls.Open(Way(same), flags & ~OpenFlags.O_NOFOLLOW);
        }
    }

    /// <summary>A descriptor of the place (O_PATH) that its holder may open as the flags say, for us to open otherwise.</summary>
    public Descriptor Place(int objectId, FileState state)
    {
        const OpenFlags Place = OpenFlags.O_PATH;
        return Open(objectId, state, Place | state.Flags & OpenFlags.O_NOFOLLOW, () =>
        {
            Descriptor place = FileCalls.Open(state.Reachable, Place | state.Flags & OpenFlags.O_NOFOLLOW);
            try
            {
                FileCalls.CheckThreadAccess(Way(place), AccessOf(state.Flags), state.Reachable);
                return place;
            }
            catch
            {
                place.Dispose();
                throw;
            }
        });
    }

    /// <returns>Why the holders may not open it so; null where they may.</returns>
    public string? WhyNot(int objectId, FileState state, OpenFlags flags)
    {
        if (!AreLess(objectId))
            return null;
        OpenFlags follow = state.Type == FileType.SymbolicLink ? OpenFlags.O_NOFOLLOW : 0;
        try
        {
            return Run<string?>(objectId, () =>
            {
                using Descriptor place = FileCalls.Open(state.Reachable, OpenFlags.O_PATH | follow);
                if ((flags & OpenFlags.O_PATH) == 0)
                    FileCalls.CheckThreadAccess(Way(place), AccessOf(flags), state.Reachable);
                return null;
            });
        }
        catch (LinuxException e) when (IsRefusal(e))
        {
            using Descriptor? same = SameAsSaved(state, OpenFlags.O_PATH | follow);
            return same is null ? Why(objectId, e) : null;
        }
    }

    public string Why(int objectId, LinuxException e) =>
        $"{string.Join(" and ", LesserOf(objectId).Select(h => $"user {h.User}").Distinct())}, as whom the program runs, may not: {e.Message}";

    public EngineException Forbidden(int objectId, string path, LinuxException e) => new(
        "FileForbidden", FailureClass.Failed,
        $"The program has {path} open or mapped, and it is not the file of the save as far as can be told: {Why(objectId, e)}. Nothing was started. "
        + "Put the file of the save back, or give that user the right to it.");

    public void Dispose()
    {
        foreach (HolderThread thread in _threads.Values)
            thread.Dispose();
    }

    public static bool IsRefusal(LinuxException e) => e.Errno is Errno.EACCES or Errno.EPERM;

    /// <summary>The file under the name, held, where it is the very one of the save: inodes are numbered anew at the next boot, or elsewhere.</summary>
    private Descriptor? SameAsSaved(FileState state, OpenFlags flags)
    {
        if (state.Device is null || context.Tree.Origin.BootId != HostFacts.BootId())
            return null;
        Descriptor place = FileCalls.Open(state.Reachable, OpenFlags.O_PATH | flags & OpenFlags.O_NOFOLLOW);
        FileStatus status = FileStatus.Of(place);
        // The owner, too: the number of a file that is gone may have been given to another.
        if ((status.KernelDevice, status.Inode, status.Type, status.Uid, status.Gid) == (state.Device.Value, state.Inode, state.Type, state.Uid, state.Gid))
            return place;
        place.Dispose();
        return null;
    }

    private static int AccessOf(OpenFlags flags)
    {
        const int R_OK = 4, W_OK = 2;
        return (flags & OpenFlags.O_ACCMODE) switch
        {
            OpenFlags.O_WRONLY => W_OK,
            OpenFlags.O_RDWR => R_OK | W_OK,
            _ => R_OK,
        };
    }

    private static string Way(Descriptor file) => $"/proc/self/fd/{file.Number}";

    private HolderThread ThreadOf(HolderIds ids)
    {
        if (!_threads.TryGetValue(ids.Key, out HolderThread? thread))
            _threads[ids.Key] = thread = new HolderThread(ids);
        return thread;
    }

    /// <summary>Empty where a holder may do all that we may. Of what no process holds (it is in a socket's queue, say) all count that may do less.</summary>
    private List<HolderIds> LesserOf(int objectId)
    {
        _holders ??= Collect();
        if (!_holders.TryGetValue(objectId, out List<HolderIds>? holders))
            return _anybody;
        return holders.TrueForAll(h => h.AreLess(_own)) ? holders : [];
    }

    private Dictionary<int, List<HolderIds>> Collect()
    {
        var holders = new Dictionary<int, List<HolderIds>>();
        var anybody = new Dictionary<string, HolderIds>();
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            List<HolderIds> ids = [.. process.Threads.Select(t => HolderIds.Of(t.Credentials, _own)).DistinctBy(i => i.Key)];
            ids.ForEach(i => anybody[i.Key] = i);
            foreach (int id in ObjectsOf(process).Distinct())
            {
                if (!holders.TryGetValue(id, out List<HolderIds>? known))
                    holders[id] = known = [];
                known.AddRange(ids.Where(i => !known.Exists(k => k.Key == i.Key)));
            }
        }
        _anybody = [.. anybody.Values.Where(i => i.AreLess(_own))];
        return holders;
    }

    private static IEnumerable<int> ObjectsOf(ProcessRecord process) =>
    [
        process.ExecutableObject, process.WorkingFolderObject, process.RootFolderObject,
        .. process.Descriptors.Select(d => d.ObjectId), .. process.Mappings.Select(m => m.ObjectId),
        .. process.Threads.Select(t => t.WorkingFolderObject ?? 0),
    ];
}
