using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore.X64;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Its address space, and what lies in it.</summary>
internal sealed partial class ProcessBuilder
{
    /// <summary>The address space, unless it is there already: shared with another process, or wanted by children before their birth.</summary>
    public void BuildMemory(Action<long> loaded)
    {
        if (_memoryOwner != this)
        {
            _memoryOwner.BuildMemory(loaded);
            return;
        }
        if (_memoryBuilt)
            return;
        _memoryBuilt = true;
        PrepareTable();
        MapAndLoad(loaded);
    }

    private void MapAndLoad(Action<long> loaded)
    {
        List<int> mapped = [.. _record.Mappings.Where(m => m.Backing == MappingBacking.Object && IsMappedByDescriptor(m.ObjectId)).Select(m => m.ObjectId).Distinct()];
        var files = new List<Descriptor>();
        using Descriptor image = MemoryLoader.OpenImage(_context);
        files.Add(image);
        files.Add(ProgramFiles.Of(_context).Program(_record.ExecutableObject));
        files.AddRange(mapped.Select(MappedFile));
        _installer.Receive(files);
        var descriptorOf = mapped.Select((id, i) => (id, i)).ToDictionary(p => p.id, p => p.i + 2);
        AddressSpace space = Space();
        space.ClearAndPlaceVdso(Pid);
        space.Map(descriptorOf);
        if (_context.Options.Arriving is { } arriving)
            new ArrivingMemory(_record, _context).Load(arriving, loaded);
        else
            new MemoryLoader(_record, _calls, _context).Load(Pid, 0, _inherited, loaded);
        Patch();
        space.Finish();
        // The kernel refuses to change it while the old one is mapped, even to the same (EBUSY): then it stays what it is.
        MemoryLayout.Set(_record.Layout, _bornWithExecutable ? uint.MaxValue : 1, _area, _calls);
        _installer.CloseReceived(files.Count);
    }

    /// <summary>Only possible with one thread, the memory shared with nobody, and before its rights are what they were (timens_install in kernel/time/namespace.c).</summary>
    public void EnterTimeNamespace(Descriptor timeNamespace)
    {
        _installer.Receive([timeNamespace]);
        _calls.Add(SyscallNumber.setns, "the time namespace of the tree", 0, RestoreNamespaces.CLONE_NEWTIME);
        _installer.CloseReceived(1);
    }

    private void Patch()
    {
        using ProcessMemory memory = ProcessMemory.Open(Pid);
        foreach (CodePatch patch in _context.PatchesOf(Pid))
            memory.Write(new RemoteAddress(patch.Address), patch.Code);
        _saveAreas = LoaderSaveAreas.Mend(_record, memory, _context);
    }

    private AddressSpace Space() => new(_record, _area, _calls, _context, _inherited?.Mapped ?? InheritedMemory.None);

    private bool IsMappedByDescriptor(int objectId) =>
        _context.Object(objectId).Kind is not (SysvMemoryKind.KindName or AioRingKind.KindName);

    /// <summary>More than any process of the tree needs for a moment to map its files: tables may be shared.</summary>
    private int NumbersForMapping() => _context.Shared("numbers for mapping", () =>
    {
        int most = 0;
        foreach (ProcessRecord process in _context.Tree.Processes)
        {
            var objects = new HashSet<int>();
            foreach (MappingRecord mapping in process.Mappings)
                objects.Add(mapping.ObjectId);
            most = Math.Max(most, objects.Count);
        }
        // The image and the program come first.
        return new[] { most + 2 };
    })[0];

    private Descriptor MappedFile(int objectId) =>
        _context.Object(objectId).Kind == SharedMemory.KindName
            ? _context.SharedMemories.Open(objectId)
            : ProgramFiles.Of(_context).Mapped(objectId);
}
