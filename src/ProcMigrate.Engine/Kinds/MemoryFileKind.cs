using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// An open memfd. The memory behind it is an object of its own (<see cref="SharedMemory"/>), which mappings and other open
/// files of the same memory refer to.
/// </summary>
internal sealed class MemoryFileKind : DescriptorKind
{
    public override string Name => "memfd";

    public override bool Recognises(DescriptorFacts facts) =>
        facts.Link.StartsWith(SharedMemory.MemfdPrefix, StringComparison.Ordinal) && facts.Status.Type == FileType.Regular;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        int? memory = SharedMemory.Capture(
            facts.Link, facts.Status, $"/proc/{facts.Process.Pid}/fd/{facts.Fd}", facts.Process.Pid, facts.Fd, context);
        if (memory is null)
            return null;
        var state = new MemoryFileState { Memory = memory.Value, Flags = facts.Info.Flags, Position = facts.Info.Position };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.MemoryFileState);
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        MemoryFileState state = RestoreContext.Parse(record, StateJson.Default.MemoryFileState);
        Descriptor memory = context.SharedMemories.Open(state.Memory);
        bool writable = (state.Flags & OpenFlags.O_ACCMODE) == OpenFlags.O_RDWR;
        // The open file that memfd_create gave counts as no writer of the inode, so that the memfd can be executed. One opened
        // anew through /proc does count; it is only for further open files, with flags and positions of their own.
        Descriptor file = writable && context.SharedMemories.TakeFirst(state.Memory)
            ? Descriptor.Duplicate(memory.Number)
            : FileCalls.Open($"/proc/self/fd/{memory.Number}", state.Flags & (OpenFlags.O_ACCMODE | OpenFlags.O_LARGEFILE));
        FileCalls.SetFlags(file, state.Flags);
        FileCalls.Seek(file, state.Position);
        return file;
    }
}

/// <summary>An open file of a memfd; Memory is the id of the object with its content.</summary>
internal sealed record MemoryFileState : OpenState
{
    public required int Memory { get; init; }
    public required long Position { get; init; }
}
