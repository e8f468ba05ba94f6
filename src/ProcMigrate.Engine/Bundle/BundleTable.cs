using ProcMigrate.Image;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>The files of a bundle, checked, in their order: folders before what is in them.</summary>
internal sealed class BundleTable
{
    private readonly Dictionary<int, BundledFileState> _byId = [];
    private readonly Dictionary<string, int> _idByPath = [];

    public List<int> Ids { get; } = [];

    public int Count => Ids.Count;

    public int? IdOf(string path) => _idByPath.TryGetValue(path, out int id) ? id : null;

    public BundledFileState? Find(int id) => _byId.GetValueOrDefault(id);

    public BundledFileState? Find(string path) => _idByPath.TryGetValue(path, out int id) ? _byId[id] : null;

    public BundleContents? Summary(ImageReader image)
    {
        if (Count == 0)
            return null;
        var files = new List<BundledFile>();
        long bytes = 0;
        foreach (int id in Ids)
        {
            if (_byId[id] is not { Type: FileType.Regular, LinkOf: 0 } file)
                continue;
            files.Add(new BundledFile(file.Path, file.Size));
            foreach (MemoryExtent extent in image.DataOf(id))
                bytes += extent.RawLength;
        }
        return new BundleContents(files, bytes);
    }

    public bool TryAdd(int id, BundledFileState state)
    {
        if (!_idByPath.TryAdd(state.Path, id))
            return false;
        _byId.Add(id, state);
        Ids.Add(id);
        return true;
    }
}
