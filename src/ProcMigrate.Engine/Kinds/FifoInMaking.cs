using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>A FIFO whose ends are being opened again, with its bytes in it.</summary>
internal sealed class FifoInMaking(int objectId, FifoState state, ObjectRecord buffer, RestoreContext context) : IDisposable
{
    private Descriptor? _holder;
    private Descriptor? _inode;

    /// <summary>
    /// Opens an end. A holder of both ends keeps the opening from blocking or failing; only a reader that never had a writer
    /// must be opened before there is one: it would see the holder come and go (POLLHUP).
    /// </summary>
    public Descriptor Open(int endId, FifoState end)
    {
        OpenFlags access = end.File.Flags & (OpenFlags.O_ACCMODE | OpenFlags.O_LARGEFILE);
        if (!state.Deleted)
            access |= end.File.Flags & OpenFlags.O_NOFOLLOW;
        bool reads = (access & OpenFlags.O_ACCMODE) == OpenFlags.O_RDONLY;
        if (_holder is null && reads && !end.Ended && PipeBuffer.StateOf(buffer).Length == 0)
        {
            Descriptor early = OpenEnd(endId, end, access | OpenFlags.O_NONBLOCK);
            SetCapacity(early);
            return early;
        }
        Hold();
        return OpenEnd(endId, end, access | OpenFlags.O_NONBLOCK);
    }

    private Descriptor OpenEnd(int endId, FifoState end, OpenFlags flags) =>
        state.Deleted ? FileCalls.Open(Reach(), flags) : context.Holders.Open(endId, end.File, flags, () => FileCalls.Open(end.File.Reachable, flags));

    public void Dispose()
    {
        _holder?.Dispose();
        _inode?.Dispose();
    }

    private void Hold()
    {
        if (_holder is not null)
            return;
        _holder = FileCalls.Open(Reach(), OpenFlags.O_RDWR | OpenFlags.O_NONBLOCK);
        if (Pipes.BytesToRead(_holder) == 0)
            PipeBuffer.Fill(_holder, buffer, context);
        else if (PipeBuffer.StateOf(buffer).Length > 0)
        {
            throw new EngineException(
                "FifoInUse", FailureClass.Failed,
                $"The FIFO {state.File.Path} holds bytes of other programs, and the image has some of its own for it; nothing was started.");
        }
    }

    private void SetCapacity(Descriptor end)
    {
        int capacity = PipeBuffer.StateOf(buffer).Capacity;
        if (Pipes.GetCapacity(end) != capacity)
            Pipes.SetCapacity(end, capacity);
    }

    /// <summary>A path to open it by.</summary>
    private string Reach()
    {
        _inode ??= !state.Deleted ? context.Holders.Place(objectId, state.File) : DeletedFileKind.Make(state.Buffer, DeletedFileState.CopyOf(state.File), 0, _ => { }, context);
        return $"/proc/self/fd/{_inode.Number}";
    }
}
