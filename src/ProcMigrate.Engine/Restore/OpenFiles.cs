using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// The open files of the tree, made once each in our own table and then handed to whoever shares them. A tree may have more of them than one
/// table has room for: what a process of the tree has got need not stay in ours, and is taken back from there when it is wanted again.
/// </summary>
internal sealed class OpenFiles(RestoreContext context) : IDisposable
{
    private readonly Dictionary<int, Descriptor> _open = [];

    // Which process of the tree has the file, and under which number.
    private readonly Dictionary<int, (int Pid, int Fd)> _placed = [];

    public Descriptor Get(int objectId)
    {
        if (_open.TryGetValue(objectId, out Descriptor? file))
            return file;
        if (_placed.TryGetValue(objectId, out (int Pid, int Fd) place))
        {
            using PidFd process = PidFd.Open(place.Pid);
            return _open[objectId] = process.Take(place.Fd);
        }
        context.Cancel.ThrowIfCancellationRequested();
        ObjectRecord record = context.Object(objectId);
        file = RestoreContext.Interpret($"object {objectId} ({record.Kind})", () => DescriptorKinds.Of(record).Recreate(record, context));
        _open[objectId] = file;
        SignalOwners.Restore(file, record, context);
        return file;
    }

    /// <summary>A process of the tree, which stands still, has the file under this number.</summary>
    public void Placed(int objectId, int pid, int fd) => _placed[objectId] = (pid, fd);

    /// <summary>Closes what can be had again, if there is much of it.</summary>
    public void MakeRoom()
    {
        if (_open.Count <= OpenFileLimit.MostKept)
            return;
        foreach ((int id, Descriptor file) in _open.ToList())
        {
            ObjectRecord record = context.Object(id);
            // Who gets a file's signals is set at the very end, by our descriptor.
            if (!_placed.ContainsKey(id) || record.SignalOwner is not null || !DescriptorKinds.Of(record).MayLeave(record, context))
                continue;
            _open.Remove(id);
            file.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (Descriptor file in _open.Values)
            file.Dispose();
    }
}
