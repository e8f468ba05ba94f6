using System.Text.Json;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Kinds;

/// <summary>The kernel objects found so far, each once, numbered from 1.</summary>
internal sealed class ObjectTable
{
    private readonly List<ObjectRecord> _objects = [];
    private readonly Dictionary<string, int> _byIdentity = [];

    public IReadOnlyList<ObjectRecord> Objects => _objects;

    public int Add(string kind, string title, JsonElement state)
    {
        _objects.Add(new ObjectRecord { Id = _objects.Count + 1, Kind = kind, Title = title, State = state });
        return _objects.Count;
    }

    public ObjectRecord this[int id] => _objects[id - 1];

    /// <summary>For what is known of an object only after others are.</summary>
    public void Replace(int id, JsonElement state) => _objects[id - 1] = _objects[id - 1] with { State = state };

    /// <summary>Completes an object with what was not known when it was found.</summary>
    public void Update(int id, Func<ObjectRecord, ObjectRecord> change) => _objects[id - 1] = change(_objects[id - 1]);

    /// <summary>The object known under an identity, or a new one.</summary>
    public int GetOrAdd(string identity, Func<ObjectTable, int> create)
    {
        if (!_byIdentity.TryGetValue(identity, out int id))
            _byIdentity[identity] = id = create(this);
        return id;
    }
}
