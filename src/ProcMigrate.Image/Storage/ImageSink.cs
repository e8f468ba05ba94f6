namespace ProcMigrate.Image;

/// <summary>Where the bytes of an image go while it is written: into a file, or to another host.</summary>
public abstract class ImageSink : IDisposable
{
    /// <summary>What messages call it.</summary>
    public abstract string Path { get; }

    /// <summary>Bytes that are known to be needed.</summary>
    public long BytesNeeded { get; set; }

    /// <summary>Writes at a place of the image; safe from several threads.</summary>
    public abstract void Write(ReadOnlySpan<byte> data, long offset);

    /// <summary>
    /// Writes pages of a process at a place of the image: to whoever is interested in more than bytes. Compressed memory is written as
    /// any other bytes.
    /// </summary>
    public virtual void WriteMemory(int pid, ulong address, ReadOnlySpan<byte> pages, long offset) => Write(pages, offset);

    /// <summary>Brings what is written so far to the disk, for as long as nobody wants it to end.</summary>
    public virtual void Flush(CancellationToken cancel)
    {
    }

    /// <summary>All is written. Before this nobody sees anything of it.</summary>
    public abstract void Publish();

    /// <summary>Takes back what was not published.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}
