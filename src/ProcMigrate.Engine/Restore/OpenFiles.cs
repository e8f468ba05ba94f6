using ProcMigrate.Engine.Kinds;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>The open files of the tree, made once each in our own table and then handed to whoever shares them.</summary>
internal sealed class OpenFiles(RestoreContext context) : IDisposable
{
    private readonly Dictionary<int, Descriptor> _open = [];

    public Descriptor Get(int objectId)
    {
        if (!_open.TryGetValue(objectId, out Descriptor? file))
        {
            var record = context.Object(objectId);
            _open[objectId] = file = DescriptorKinds.Of(record).Recreate(record, context);
            SignalOwners.Restore(file, record, context);
        }
        return file;
    }

    public void Dispose()
    {
        foreach (Descriptor file in _open.Values)
            file.Dispose();
    }
}
