using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Image;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Tests.Image;

public sealed class ImageRoundTripTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Sample_WrittenAndRead_IsTheSame()
    {
        var path = folder.File("a.pmi");
        var summary = SampleImage.Write(path);
        using var reader = ImageReader.Open(path);
        long seen = 0;
        reader.VerifyMemory((done, total) => { Assert.True(done <= total); seen = done; }, CancellationToken.None);

        Assert.Equal(Json(SampleTree.Create()), Json(reader.Tree));
        Assert.Equal((path, new FileInfo(path).Length), (summary.Path, summary.Bytes));
        Assert.Equal((summary.Bytes, 1), (reader.Length, reader.FormatVersion));
        Assert.Equal(2 * 3 * 4096 + 100, summary.MemoryBytes);
        Assert.Equal(summary.MemoryBytes, seen);
        Assert.Equal(SampleImage.Pages(2, unchecked((byte)SampleTree.Child)), Read(reader, reader.MemoryOf(SampleTree.Child)[0]));
        Assert.Equal(SampleImage.Pages(1, 77), Read(reader, reader.MemoryOf(SampleTree.Root)[1]));
        var data = Assert.Single(reader.DataOf(SampleTree.MemoryObject));
        Assert.Equal((4096UL, 100L), (data.Address, data.RawLength));
        Assert.Equal(SampleImage.Pages(1, 5)[..100], Read(reader, data));
        Assert.Empty(reader.MemoryOf(1));
        Assert.Empty(reader.DataOf(SampleTree.FileObject));
    }

    [Fact]
    public void EveryDataExtent_StartsAtAPageOfTheFile()
    {
        var path = folder.File("a.pmi");
        SampleImage.Write(path);
        using var reader = ImageReader.Open(path);
        var extents = reader.MemoryOf(SampleTree.Root).Concat(reader.MemoryOf(SampleTree.Child)).Concat(reader.DataOf(SampleTree.MemoryObject));
        Assert.All(extents, e => Assert.Equal(0, e.Offset % 4096));
    }

    /// <summary>Any set of page runs, written in any order by several threads, comes back byte for byte, sorted.</summary>
    [Fact]
    public void RandomExtents_WrittenByThreads_ComeBack()
    {
        var pages = Gen.Choose(0, 400).ListOf().Select(list => list.Distinct().ToArray());
        Prop.ForAll(pages.ToArbitrary(), numbers => RoundTrip(numbers)).QuickCheckThrowOnFailure();
    }

    private bool RoundTrip(int[] numbers)
    {
        const ulong start = 0x10_0000_0000;
        var mapping = new MappingRecord
        {
            Start = start,
            End = start + 401 * 4096,
            Protection = 3,
            Shared = false,
            Backing = MappingBacking.Anonymous,
            VmFlags = [],
        };
        var sample = SampleTree.Create();
        var process = sample.Processes[0] with { Mappings = [mapping] };
        var path = folder.File("random.pmi");
        using (var writer = ImageWriter.Create(path, overwrite: true))
        {
            using var section = writer.BeginProcess(process.Pid);
            Parallel.ForEach(numbers, n =>
            {
                section.WriteMemory(start + (ulong)n * 4096, SampleImage.Pages(1, (byte)n));
                writer.WriteObjectData(SampleTree.MemoryObject, n * 5000L, SampleImage.Pages(1, (byte)(n + 1)).AsSpan(0, 1 + n * 10));
            });
            section.Complete(SampleTree.Core(process), SampleTree.Mappings(process));
            writer.WriteTree(sample with { Processes = [process] });
            writer.Commit();
        }
        using var reader = ImageReader.Open(path);
        reader.VerifyMemory(null, CancellationToken.None);
        var memory = reader.MemoryOf(process.Pid);
        var data = reader.DataOf(SampleTree.MemoryObject);
        var expected = numbers.Order().ToArray();
        Assert.Equal(expected.Select(n => start + (ulong)n * 4096), memory.Select(e => e.Address));
        Assert.Equal(expected.Select(n => (ulong)n * 5000), data.Select(e => e.Address));
        for (var i = 0; i < expected.Length; i++)
        {
            var n = expected[i];
            Assert.Equal(SampleImage.Pages(1, (byte)n), Read(reader, memory[i]));
            Assert.Equal(SampleImage.Pages(1, (byte)(n + 1))[..(1 + n * 10)], Read(reader, data[i]));
        }
        return true;
    }

    [Fact]
    public void LongWrite_IsCutIntoExtentsOf16MiB_AndVerifiedByThreads()
    {
        var process = SampleTree.Create().Processes[0];
        var memory = SampleImage.Pages(10_000, 9);
        var mapping = process.Mappings[1] with { End = process.Mappings[1].Start + (ulong)memory.Length, Guards = [] };
        process = process with { Mappings = [mapping] };
        var path = folder.File("long.pmi");
        using (var writer = ImageWriter.Create(path, overwrite: false))
        {
            using var section = writer.BeginProcess(process.Pid);
            section.WriteMemory(mapping.Start, memory);
            section.Complete(SampleTree.Core(process), SampleTree.Mappings(process));
            writer.WriteTree(SampleTree.Create() with { Processes = [process] });
            writer.Commit();
        }
        using (var reader = ImageReader.Open(path))
        {
            Assert.Equal([16 << 20, 16 << 20, memory.Length - (32 << 20)], reader.MemoryOf(process.Pid).Select(e => (int)e.RawLength));
            reader.VerifyMemory(null, CancellationToken.None);
            Assert.Equal(memory, reader.MemoryOf(process.Pid).SelectMany(e => Read(reader, e)));
            using var cancelled = new CancellationTokenSource();
            cancelled.Cancel();
            Assert.Throws<OperationCanceledException>(() => reader.VerifyMemory(null, cancelled.Token));
        }
        using (var file = File.OpenWrite(path))
        {
            file.Position = 20_000_000;
            file.WriteByte((byte)~memory[20_000_000 - 4096]);
        }
        using var damaged = ImageReader.Open(path);
        var error = Assert.Throws<ImageException>(() => damaged.VerifyMemory(null, CancellationToken.None));
        Assert.Equal(ImageError.Damaged, error.Error);
        Assert.Contains($"memory of process {process.Pid} at 0x{mapping.Start + (16 << 20):x}", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Read(ImageReader reader, MemoryExtent extent)
    {
        var bytes = new byte[extent.RawLength];
        reader.Read(extent, bytes);
        return bytes;
    }

    private static string Json(TreeRecord tree) => JsonSerializer.Serialize(tree, TreeJson.Type);
}
