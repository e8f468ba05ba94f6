using System.Buffers;
using System.Text.Json;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;
using ProcMigrate.Image.Storage;
using ProcMigrate.Image.Text;

namespace ProcMigrate.Image;

/// <summary>
/// Writes an image: the cores of the processes, root first, then the tree; data of objects at any time. Nothing is to be seen under
/// the image's name before <see cref="Commit"/>, and nothing at all is left without it.
/// </summary>
public sealed class ImageWriter : IDisposable
{
    /// <summary>What is checksummed and then written at once, so that the second pass finds it in the cache.</summary>
    private const int WriteBlock = 256 << 10;

    /// <summary>What becomes one LZ4 block at most: small enough that several threads share the work, large enough to be worth it.</summary>
    private const int PackedBytes = 1 << 20;

    private const long WorthFlushing = 32 << 20;

    private readonly ImageSink file;
    private readonly IndexBuilder index = new();
    private readonly Lock gate = new();
    private readonly HashSet<int> pids = [];
    private ProcessSection? section;
    private TreeRecord? tree;
    private uint version = ImageTrailer.PlainVersion;
    private long tail;
    private long dataBytes;
    private bool committed;
    private volatile bool broken;

    private ImageWriter(ImageSink file) => this.file = file;

    /// <summary>The image's name, absolute; nothing is there before <see cref="Commit"/>.</summary>
    public string Path => file.Path;

    /// <summary>Makes the file, mode 0600, without its name yet.</summary>
    /// <exception cref="ImageException">The target exists and <paramref name="overwrite"/> is false, or cannot be written.</exception>
    public static ImageWriter Create(string path, bool overwrite, bool compress = false) =>
        new(TargetFile.Create(path, overwrite)) { Compress = compress };

    /// <summary>Writes to wherever <paramref name="target"/> leads, and disposes it.</summary>
    public static ImageWriter To(ImageSink target) => new(target);

    internal static ImageWriter CreateNamed(string path, bool overwrite) =>
        new(TargetFile.Create(path, overwrite, allowUnnamed: false));

    /// <summary>Stores memory and content of objects in LZ4 blocks, where that makes them shorter.</summary>
    public bool Compress { get; init; }

    /// <summary>Begins the ELF core of the next process; the first one is the root.</summary>
    public ProcessSection BeginProcess(int pid)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pid);
        lock (gate)
        {
            RequireUncommitted();
            Require(section is null, "the section of the process before is still open");
            Require(tree is null, "processes come before the tree");
            if (!pids.Add(pid)) throw new ArgumentException($"process {pid} has a section already", nameof(pid));
            return section = new ProcessSection(this, pid, Reserve(ImageLimits.PageSize, ImageLimits.PageSize), index.Count);
        }
    }

    /// <summary>Stores content of a kernel object; what is never stored reads as zeros. Safe from several threads.</summary>
    public void WriteObjectData(int objectId, long objectOffset, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(objectId);
        ArgumentOutOfRangeException.ThrowIfNegative(objectOffset);
        RequireUncommitted();
        WriteData(ExtentKind.ObjectData, objectId, (ulong)objectOffset, data);
    }

    /// <summary>Stores the tree, once, behind the last process.</summary>
    public void WriteTree(TreeRecord tree)
    {
        ArgumentNullException.ThrowIfNull(tree);
        RequireUncommitted();
        Require(section is null, "the section of a process is still open");
        Require(this.tree is null, "the tree is written already");
        AsCaller(() => TreeRules.Check(tree, new ImageFaults(Path)));
        this.tree = tree;
        var entry = Append(ExtentKind.Tree, 0, stream => WriteJson(tree, stream));
        if (entry.RawLength > ImageLimits.TreeBytes)
            throw new ImageFaults(Path).TooLarge("bytes of the tree", entry.RawLength, ImageLimits.TreeBytes);
    }

    private void WriteJson(TreeRecord tree, Stream stream)
    {
        using var watch = new EscapeWatch(stream);
        JsonSerializer.Serialize(watch, tree, TreeJson.Type);
        version = watch.Seen ? ImageTrailer.CurrentVersion : ImageTrailer.PlainVersion;
    }

    /// <summary>Brings most of the file to the disk where that may take long: <see cref="Commit"/> is then quick, and cannot be interrupted.</summary>
    public void Flush(CancellationToken cancel)
    {
        if (tail >= WorthFlushing) file.Flush(cancel);
    }

    /// <summary>Completes the file, brings it to the disk, and gives it its name.</summary>
    /// <exception cref="ImageException">Writing failed, or the target exists by now; nothing is left.</exception>
    public ImageSummary Commit()
    {
        RequireUncommitted();
        Require(!broken, "a write failed or a section was given up");
        Require(section is null, "the section of a process is still open");
        Require(tree is not null, "the tree is missing");
        index.SortByOffset();
        AsCaller(CheckIndex);
        WriteIndex();
        file.Publish();
        committed = true;
        return new ImageSummary(Path, tail, dataBytes);
    }

    /// <summary>Without <see cref="Commit"/>, the file is gone.</summary>
    public void Dispose() => file.Dispose();

    internal void WriteData(ExtentKind kind, int owner, ulong address, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty) return;
        try
        {
            if (Compress) WritePacked(kind, owner, address, data);
            else WritePlain(kind, owner, address, data);
        }
        catch
        {
            broken = true;
            throw;
        }
    }

    private void WritePlain(ExtentKind kind, int owner, ulong address, ReadOnlySpan<byte> data)
    {
        var offset = Reserve(data.Length, ImageLimits.PageSize);
        while (!data.IsEmpty)
        {
            var part = data[..Math.Min(data.Length, ImageLimits.ExtentBytes)];
            Add(kind, owner, address, offset, part.Length, WriteBlocks(part, offset, kind == ExtentKind.Memory ? (owner, address) : null));
            data = data[part.Length..];
            address += (ulong)part.Length;
            offset += part.Length;
        }
    }

    private void WritePacked(ExtentKind kind, int owner, ulong address, ReadOnlySpan<byte> data)
    {
        var block = ArrayPool<byte>.Shared.Rent(PackedBytes);
        try
        {
            while (!data.IsEmpty)
            {
                var part = data[..Math.Min(data.Length, PackedBytes)];
                // A block must be shorter by a sixteenth to be worth its decoding.
                var length = Lz4.Compress(part, block.AsSpan(0, part.Length - part.Length / 16));
                if (length == 0)
                {
                    WritePlain(kind, owner, address, part);
                }
                else
                {
                    var offset = Reserve(length, sizeof(ulong));
                    Add(kind, owner, address, offset, length, WriteBlocks(block.AsSpan(0, length), offset), part.Length);
                }
                data = data[part.Length..];
                address += (ulong)part.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    /// <param name="memory">Whose pages the bytes are, and where they begin there; null: other bytes.</param>
    private uint WriteBlocks(ReadOnlySpan<byte> data, long offset, (int Pid, ulong Address)? memory = null)
    {
        var start = offset;
        var crc = 0u;
        while (!data.IsEmpty)
        {
            var block = data[..Math.Min(data.Length, WriteBlock)];
            crc = Crc32C.Append(crc, block);
            if (memory is var (pid, address)) file.WriteMemory(pid, address + (ulong)(offset - start), block, offset);
            else file.Write(block, offset);
            data = data[block.Length..];
            offset += block.Length;
        }
        return crc;
    }

    /// <summary>Streams something of unknown length to the end of the file; other writers wait meanwhile.</summary>
    internal IndexEntry Append(ExtentKind kind, int owner, Action<Stream> write)
    {
        lock (gate)
        {
            try
            {
                var offset = Reserve(0, sizeof(ulong));
                using var stream = new ExtentStream(file, offset);
                write(stream);
                stream.Flush();
                tail = offset + stream.Length;
                return Add(kind, owner, 0, offset, stream.Length, stream.Crc);
            }
            catch
            {
                broken = true;
                throw;
            }
        }
    }

    /// <summary>Ends the open section: its header page is known now.</summary>
    internal void Close(int pid, long offset, ReadOnlySpan<byte> headerPage)
    {
        file.Write(headerPage, offset);
        Add(ExtentKind.CoreHeader, pid, 0, offset, headerPage.Length, Crc32C.Compute(headerPage));
        section = null;
    }

    internal void GiveUpSection() => broken = true;

    /// <summary>
    /// Memory of the open section by address; <paramref name="from"/> is where the index stood when it began. To be enumerated
    /// within <see cref="Append"/>, which keeps the index still.
    /// </summary>
    internal IEnumerable<IndexEntry> MemorySince(int from, int pid) => index.MemoryOf(pid, from);

    private long Reserve(long length, int alignment)
    {
        lock (gate)
        {
            var offset = checked(tail + alignment - 1) / alignment * alignment;
            tail = checked(offset + length);
            file.BytesNeeded = tail;
            return offset;
        }
    }

    /// <param name="rawLength">Of a packed extent: its length unpacked.</param>
    private IndexEntry Add(ExtentKind kind, int owner, ulong address, long offset, long length, uint crc, long rawLength = 0)
    {
        var entry = new IndexEntry
        {
            Kind = kind,
            Codec = rawLength > 0 ? ExtentCodec.Lz4 : ExtentCodec.None,
            Owner = owner,
            Address = address,
            Offset = offset,
            StoredLength = length,
            RawLength = rawLength > 0 ? rawLength : length,
            Crc32C = crc,
        };
        lock (gate)
        {
            if (index.Count >= ImageLimits.Extents)
                throw new ImageFaults(Path).TooLarge("extents of memory", index.Count + 1L, ImageLimits.Extents);
            index.Add(entry);
            if (entry.IsData) dataBytes += entry.RawLength;
        }
        return entry;
    }

    private void CheckIndex()
    {
        var faults = new ImageFaults(Path);
        IndexRules.Check(index.Entries.AsSpan(0, index.Count), tail, faults);
        TreeRules.CheckExtents(tree!, index.Entries.AsSpan(0, index.Count), new ExtentMap(index.Entries, index.Count, faults), faults);
    }

    private void WriteIndex()
    {
        var offset = Reserve(0, sizeof(ulong));
        tail = IndexFile.Write(file, offset, index.Entries.AsSpan(0, index.Count), version);
    }

    /// <summary>What a reader would refuse must not be written: here the fault is the caller's, not the file's.</summary>
    private static void AsCaller(Action check)
    {
        try
        {
            check();
        }
        catch (ImageException e) when (e.Error != ImageError.TooLarge)
        {
            throw new InvalidOperationException($"an image that no reader would accept: {e.Message}", e);
        }
    }

    private void RequireUncommitted() => Require(!committed, "the image is committed already");

    private static void Require(bool condition, string what)
    {
        if (!condition) throw new InvalidOperationException(what);
    }
}
