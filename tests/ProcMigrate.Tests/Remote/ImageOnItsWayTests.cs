using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;
using ProcMigrate.Tests.Image;
using Xunit;

namespace ProcMigrate.Tests.Remote;

/// <summary>What one side writes as an image, the other gets: memory with its place, all else at its offset.</summary>
public sealed class ImageOnItsWayTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Lz4)]
    public void Image_OfWhichNothingIsTaken_ArrivesWhole(Compression compression)
    {
        using TargetFile file = TargetFile.Create(folder.File("there.pmi"), overwrite: false);
        string path = new ImageOnItsWay(Sent(compression, SampleImage.Fill), file).ReceiveWhole();
        SampleImage.Write(folder.File("here.pmi"));
        Assert.Equal(File.ReadAllBytes(folder.File("here.pmi")), File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Lz4)]
    public void Memory_ThatIsTaken_LeavesHoles(Compression compression)
    {
        using TargetFile file = TargetFile.Create(folder.File("there.pmi"), overwrite: false);
        var taken = new List<(int Pid, ulong Address, long Offset, byte[] Pages)>();
        string path = new ImageOnItsWay(Sent(compression, SampleImage.Fill), file).Receive((pid, address, offset, pages) =>
        {
            taken.Add((pid, address, offset, pages.ToArray()));
            return true;
        });
        // Opening proves all but memory, and that holes are zero.
        using ImageReader image = ImageReader.Open(path);
        foreach (int pid in (int[])[SampleTree.Root, SampleTree.Child])
        {
            foreach (MemoryExtent extent in image.MemoryOf(pid))
            {
                var (_, _, offset, pages) = Assert.Single(taken, t => t.Pid == pid && t.Address == extent.Address);
                Assert.Equal((extent.Offset, extent.Crc32C), (offset, Crc32C.Compute(pages)));
                byte[] hole = new byte[extent.StoredLength];
                image.ReadPart(extent, 0, hole);
                Assert.All(hole, b => Assert.Equal(0, b));
            }
        }
        Assert.Equal(4, taken.Count);
    }

    /// <summary>Ranges of any length at any distance: many small ones share a frame, large ones take several.</summary>
    [Fact]
    public void Memory_InAnyPieces_KeepsItsPlaces() => Prop
        .ForAll(Gen.NonEmptyListOf(Gen.Zip(Gen.Choose(1, 40), Gen.Frequency((8, Gen.Choose(0, 3)), (1, Gen.Choose(200, 600))))).ToArbitrary(), ranges =>
        {
            const ulong First = 0x1000_0000;
            var sent = new Dictionary<ulong, byte>();
            var reader = Sent(ranges.Count % 2 == 0 ? Compression.Lz4 : Compression.None, sink =>
            {
                (ulong address, long offset, byte next) = (First, 4096L, 1);
                foreach ((int distance, int pages) in ranges)
                {
                    address += (ulong)distance * 4096;
                    byte[] bytes = new byte[pages * 4096];
                    for (int i = 0; i < pages; i++, next++)
                    {
                        bytes.AsSpan(i * 4096, 4096).Fill(next);
                        sent.Add(address + (ulong)i * 4096, next);
                    }
                    sink.WriteMemory(7, address, bytes, offset);
                    sink.Write([next], offset + bytes.Length);
                    offset += bytes.Length + (distance % 2 == 0 ? 0 : 4096);
                    address += (ulong)bytes.Length;
                }
            });
            using TargetFile file = TargetFile.Create(folder.File("any"), overwrite: false);
            bool right = true;
            new ImageOnItsWay(reader, file).Receive((pid, address, _, pages) =>
            {
                for (int at = 0; at < pages.Length; at += 4096)
                    right &= pid == 7 && sent.Remove(address + (ulong)at, out byte value) && pages.Slice(at, 4096).IndexOfAnyExcept(value) < 0;
                return true;
            });
            return right && sent.Count == 0;
        })
        .QuickCheckThrowOnFailure();

    private static FrameReader Sent(Compression compression, Action<ImageWriter> fill) => Sent(compression, sink =>
    {
        using var writer = ImageWriter.To(sink);
        fill(writer);
        writer.Commit();
    }, publish: false);

    private static FrameReader Sent(Compression compression, Action<FrameSink> fill, bool publish = true)
    {
        var stream = new MemoryStream();
        var sink = new FrameSink(new FrameWriter(stream), new Packing(compression), "the image", () => new InvalidOperationException("a stream that fails"));
        fill(sink);
        if (publish)
            sink.Publish();
        return new FrameReader(new MemoryStream(stream.ToArray()));
    }
}
