using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>A pipe made anew, with its bytes in it; its ends are handed out.</summary>
internal sealed class PipeInMaking : IDisposable
{
    private readonly Descriptor _read;
    private readonly Descriptor _write;
    private bool _readTaken;
    private bool _writeTaken;
    private int _ends;

    private PipeInMaking(Descriptor read, Descriptor write, int ends) => (_read, _write, _ends) = (read, write, ends);

    /// <summary>Nobody will ask for a further end, which is opened through the first one.</summary>
    public bool IsAllTaken => _ends == 0;

    /// <param name="ends">How many open files the pipe has.</param>
    public static PipeInMaking Create(ObjectRecord buffer, int ends, RestoreContext context)
    {
        if (buffer.Kind != PipeBuffer.KindName)
            throw RestoreContext.Damaged($"object {buffer.Id} is no pipe");
        (Descriptor read, Descriptor write) = Pipes.Create();
        var pipe = new PipeInMaking(read, write, ends);
        try
        {
            PipeBuffer.Fill(write, buffer, context);
            PipeBufferState state = PipeBuffer.StateOf(buffer);
            context.Rights.Give(read, buffer.Title, state.Uid, state.Gid, state.Mode);
            return pipe;
        }
        catch
        {
            pipe.Dispose();
            throw;
        }
    }

    /// <summary>
    /// An open file of the pipe, the caller's from now on. What pipe(2) made lacks O_LARGEFILE; what has it was opened through
    /// /proc/PID/fd, as a further one is here.
    /// </summary>
    public Descriptor Take(OpenFlags flags)
    {
        _ends--;
        OpenFlags access = flags & OpenFlags.O_ACCMODE;
        if ((flags & OpenFlags.O_LARGEFILE) == 0 && access == OpenFlags.O_RDONLY && !_readTaken)
        {
            _readTaken = true;
            return _read;
        }
        if ((flags & OpenFlags.O_LARGEFILE) == 0 && access == OpenFlags.O_WRONLY && !_writeTaken)
        {
            _writeTaken = true;
            return _write;
        }
        return FileCalls.Open($"/proc/self/fd/{_read.Number}", access | OpenFlags.O_NONBLOCK);
    }

    public void Dispose()
    {
        _read.Dispose();
        _write.Dispose();
    }
}
