using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Image;

namespace ProcMigrate.Tests.Image;

/// <summary>Images whose memory is stored in LZ4 blocks.</summary>
public sealed class PackedImageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Memory_OfAnyKind_ComesBack()
    {
        int number = 0;
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            byte[] heap = Content(new System.Random(seed), 16 * 4096);
            byte[] data = Content(new System.Random(~seed), 3 << 20);
            string path = folder.File($"{number++}.pmi");
            Write(path, heap, data);
            using var reader = ImageReader.Open(path);
            reader.VerifyMemory(null, CancellationToken.None);
            return heap.SequenceEqual(Read(reader, reader.MemoryOf(SampleTree.Root), SampleTree.Heap, heap.Length))
                && data.SequenceEqual(Read(reader, reader.DataOf(SampleTree.MemoryObject), 0, data.Length));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(15));
    }

    [Fact]
    public void Core_OfAPackedImage_HoldsTheMemory()
    {
        byte[] heap = Content(new System.Random(7), 16 * 4096);
        Write(folder.File("packed.pmi"), heap, new byte[4096]);
        using var reader = ImageReader.Open(folder.File("packed.pmi"));
        reader.ExportCore(SampleTree.Root, folder.File("core"));
        Assert.True(File.ReadAllBytes(folder.File("core")).AsSpan().IndexOf(heap) > 0);
    }

    /// <summary>A flipped byte in a block is found by its checksum, in whatever byte it is.</summary>
    [Fact]
    public void DamagedBlock_IsFound()
    {
        string path = folder.File("damaged.pmi");
        Write(path, new byte[16 * 4096], Enumerable.Range(0, 1 << 20).Select(i => (byte)(i >> 8)).ToArray());
        MemoryExtent block;
        using (var reader = ImageReader.Open(path))
            block = reader.DataOf(SampleTree.MemoryObject).Single();
        Assert.Equal(ExtentCodec.Lz4, block.Codec);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[block.Offset + block.StoredLength / 2] ^= 1;
        File.WriteAllBytes(path, bytes);
        using var damaged = ImageReader.Open(path);
        Assert.Equal(ImageError.Damaged, Assert.Throws<ImageException>(() => damaged.VerifyMemory(null, CancellationToken.None)).Error);
        Assert.Equal(ImageError.Damaged, Assert.Throws<ImageException>(() => damaged.ReadPart(block, 5, new byte[10])).Error);
    }

    [Fact]
    public void Description_HasNoMemory_AndSaysAllElse()
    {
        Write(folder.File("whole.pmi"), Content(new System.Random(1), 16 * 4096), Content(new System.Random(2), 1 << 20));
        var description = new ImageInMemory();
        using (var whole = ImageReader.Open(folder.File("whole.pmi")))
            whole.WriteDescription(description);
        File.WriteAllBytes(folder.File("description.pmi"), description.Bytes.ToArray());
        using var reader = ImageReader.Open(folder.File("description.pmi"));
        reader.VerifyMemory(null, CancellationToken.None);
        Assert.Empty(reader.MemoryOf(SampleTree.Root));
        Assert.Equal(SampleTree.Create().Id, reader.Tree.Id);
        Assert.True(reader.Length < 64 << 10);
    }

    /// <summary>Pages that compress well, not at all, and in between.</summary>
    private static byte[] Content(System.Random random, int length)
    {
        byte[] bytes = new byte[length];
        for (int page = 0; page < length; page += 4096)
        {
            Span<byte> target = bytes.AsSpan(page, Math.Min(4096, length - page));
            int noise = random.Next(3) switch { 0 => 0, 1 => target.Length, _ => random.Next(target.Length) };
            target.Fill((byte)random.Next(1, 256));
            random.NextBytes(target[..noise]);
        }
        return bytes;
    }

    private static void Write(string path, byte[] heap, byte[] data)
    {
        using var writer = ImageWriter.Create(path, overwrite: false, compress: true);
        var tree = SampleTree.Create();
        foreach (var process in tree.Processes)
        {
            using var section = writer.BeginProcess(process.Pid);
            if (process.Pid == SampleTree.Root)
                section.WriteMemory(SampleTree.Heap, heap);
            section.Complete(SampleTree.Core(process), SampleTree.Mappings(process));
        }
        writer.WriteObjectData(SampleTree.MemoryObject, 0, data);
        writer.WriteTree(tree);
        writer.Commit();
    }

    private static byte[] Read(ImageReader reader, IReadOnlyList<MemoryExtent> extents, ulong start, int length)
    {
        byte[] bytes = new byte[length];
        foreach (var extent in extents)
        {
            int at = (int)(extent.Address - start);
            reader.Read(extent, bytes.AsSpan(at, (int)extent.RawLength));
            // In pieces it must be the same.
            byte[] part = new byte[Math.Min(100, (int)extent.RawLength)];
            reader.ReadPart(extent, extent.RawLength - part.Length, part);
            Assert.Equal(bytes.AsSpan(at + (int)extent.RawLength - part.Length, part.Length).ToArray(), part);
        }
        return bytes;
    }
}
