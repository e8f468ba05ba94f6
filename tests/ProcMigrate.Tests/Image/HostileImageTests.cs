using System.Text;
using System.Text.Json.Nodes;
using ProcMigrate.Image;
using ProcMigrate.Image.Format;

namespace ProcMigrate.Tests.Image;

/// <summary>Images with right checksums that lie.</summary>
public sealed class HostileImageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ForgedImage image;

    public HostileImageTests()
    {
        SampleImage.Write(folder.File("sample.pmi"));
        image = new ForgedImage(folder.File("sample.pmi"));
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Unchanged_IsAccepted()
    {
        image.Save(folder.File("forged.pmi"), image.Tree());
        using var reader = ImageReader.Open(folder.File("forged.pmi"));
        reader.VerifyMemory(null, CancellationToken.None);
    }

    private static readonly (string Name, ImageError Error, Action<ForgedImage> Change)[] Lies =
    [
        ("unknown kind", ImageError.UnknownContent, f => f.Change(ExtentKind.ObjectData, e => e with { Kind = (ExtentKind)7 })),
        ("kind 0", ImageError.UnknownContent, f => f.Change(ExtentKind.ObjectData, e => e with { Kind = 0 })),
        ("packed, not shorter", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Codec = ExtentCodec.Lz4 })),
        ("packed tree", ImageError.UnknownContent, f => f.Change(ExtentKind.Tree, e => e with { Codec = ExtentCodec.Lz4, RawLength = e.StoredLength + 1 })),
        ("packed, too long", ImageError.TooLarge, f => f.Change(ExtentKind.ObjectData, e => e with { Codec = ExtentCodec.Lz4, RawLength = 1L << 40 })),
        ("unknown codec", ImageError.UnknownContent, f => f.Change(ExtentKind.Tree, e => e with { Codec = (ExtentCodec)9 })),
        ("raw length differs", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { RawLength = 4096 })),
        ("empty extent", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { RawLength = 0, StoredLength = 0 })),
        ("negative offset", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Offset = -4096 })),
        ("huge length", ImageError.TooLarge, f => f.Change(ExtentKind.Memory, e => e with { RawLength = 1L << 40, StoredLength = 1L << 40 })),
        ("length overflows", ImageError.Damaged, f => f.Change(ExtentKind.CoreNotes, e => Long(e, long.MaxValue))),
        ("tree beyond the file", ImageError.Damaged, f => f.Change(ExtentKind.Tree, e => Long(e, 200 << 20))),
        ("reserved bits", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Reserved = 1 })),
        ("no owner", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Owner = 0 })),
        ("negative owner", ImageError.Damaged, f => f.Change(ExtentKind.ObjectData, e => e with { Owner = -3 })),
        ("tree with owner", ImageError.Damaged, f => f.Change(ExtentKind.Tree, e => e with { Owner = 1 })),
        ("memory of another process", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Owner = SampleTree.Child })),
        ("data of no object", ImageError.Damaged, f => f.Change(ExtentKind.ObjectData, e => e with { Owner = 99 })),
        ("unaligned address", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Address = e.Address + 8 })),
        ("kernel address", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Address = 0xFFFF_8000_0000_0000 })),
        ("address below the end", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Address = (1UL << 47) - 4096 })),
        ("object offset overflows", ImageError.Damaged, f => f.Change(ExtentKind.ObjectData, e => e with { Address = long.MaxValue - 5 })),
        ("outside of mappings", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Address = 0x1000 })),
        ("beyond its mapping", ImageError.Damaged, f => f.Change(ExtentKind.Memory, e => e with { Address = SampleTree.Heap + 0xF000 })),
        ("address of notes", ImageError.Damaged, f => f.Change(ExtentKind.CoreNotes, e => e with { Address = 4096 })),
        ("stored twice", ImageError.Damaged, f =>
        {
            var second = f.Entries.FindIndex(f.Find(ExtentKind.Memory) + 1, e => e.Kind == ExtentKind.Memory);
            f.Entries[second] = f.Entries[second] with { Address = SampleTree.Heap + 4096 };
        }),
        ("same extent twice", ImageError.Damaged, f => f.Entries.Insert(1, f.Entries[1])),
        ("out of order", ImageError.Damaged, f => (f.Entries[1], f.Entries[2]) = (f.Entries[2], f.Entries[1])),
        ("overlap", ImageError.Damaged, f => f.Entries[2] = f.Entries[2] with { Offset = f.Entries[2].Offset - 4096 }),
        ("no tree", ImageError.Damaged, f => f.Entries.RemoveAt(f.Find(ExtentKind.Tree))),
        ("no notes", ImageError.Damaged, f => f.Entries.RemoveAt(f.Find(ExtentKind.CoreNotes))),
        ("no header", ImageError.Damaged, f => f.Entries.RemoveAt(0)),
        ("only the header", ImageError.Damaged, f => f.Entries.RemoveRange(1, f.Entries.Count - 1)),
        ("a page in no extent", ImageError.Damaged, f => f.Entries.RemoveAt(1)),
        ("header of another process", ImageError.Damaged, f => f.Entries[0] = f.Entries[0] with { Owner = 12 }),
        ("short header", ImageError.Damaged, f => f.Entries[0] = Long(f.Entries[0], 64)),
    ];

    private static IndexEntry Long(IndexEntry entry, long length) => entry with { StoredLength = length, RawLength = length };

    public static TheoryData<string> LieNames => new(Lies.Select(l => l.Name));

    [Theory]
    [MemberData(nameof(LieNames))]
    public void LyingIndex_IsRefused(string name)
    {
        var (_, expected, change) = Lies.Single(l => l.Name == name);
        change(image);
        image.Save(folder.File("forged.pmi"));
        AssertRefused(expected, folder.File("forged.pmi"));
    }

    [Fact]
    public void TreeEntryTwice_IsRefused()
    {
        var tree = image.Entries[image.Find(ExtentKind.Tree)];
        image.Entries.Add(tree with { Offset = tree.End, StoredLength = 1, RawLength = 1 });
        image.Save(folder.File("forged.pmi"));
        AssertRefused(ImageError.Damaged, folder.File("forged.pmi"));
    }

    public static TheoryData<uint> Versions => [0, 3, 77, uint.MaxValue];

    [Theory]
    [MemberData(nameof(Versions))]
    public void OtherVersion_IsToldFromDamage(uint version)
    {
        image.Save(folder.File("forged.pmi"), changeTrailer: t => t with { Version = version });
        var error = AssertRefused(ImageError.UnknownVersion, folder.File("forged.pmi"));
        Assert.Contains($"format {version};", error.Message, StringComparison.Ordinal);
        Assert.Contains("formats 1 to 2:", error.Message, StringComparison.Ordinal);
    }

    private static readonly Func<ImageTrailer, ImageTrailer>[] TrailerLies =
    [
        t => t with { IndexOffset = 0 },
        t => t with { IndexOffset = long.MinValue },
        t => t with { IndexLength = 0 },
        t => t with { IndexLength = -48 },
        t => t with { IndexLength = t.IndexLength + 1 },
        t => t with { IndexLength = long.MaxValue - 47 },
        t => t with { IndexLength = t.IndexLength - 48 },
        t => t with { IndexOffset = t.IndexOffset + 48, IndexLength = t.IndexLength - 48 },
        t => t with { Reserved = 1 },
        t => t with { FileLength = t.FileLength + 1 },
        t => t with { IndexCrc32C = t.IndexCrc32C + 1 },
    ];

    [Fact]
    public void LyingTrailer_IsRefused()
    {
        foreach (var lie in TrailerLies)
        {
            image.Save(folder.File("forged.pmi"), changeTrailer: lie);
            Assert.Throws<ImageException>(() => ImageReader.Open(folder.File("forged.pmi")).Dispose());
        }
    }

    [Fact]
    public void IndexOfASparseGiant_TakesNoMemory()
    {
        // 700 MiB of zeros with a right checksum, which the file system stores in no space.
        const long length = 48L << 24;
        using (var file = File.Create(folder.File("sparse.pmi")))
        {
            file.SetLength(4096 + length);
            var crc = 0u;
            var zeros = new byte[48 << 16];
            for (long at = 0; at < length; at += zeros.Length) crc = ProcMigrate.Image.Storage.Crc32C.Append(crc, zeros);
            var trailer = new ImageTrailer
            {
                IndexOffset = 4096,
                IndexLength = length,
                FileLength = 4096 + length + ImageTrailer.Size,
                IndexCrc32C = crc,
                Version = 1,
                Magic = ImageTrailer.MagicValue,
            };
            trailer.Crc32C = trailer.ComputeCrc();
            file.Position = 4096 + length;
            file.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(
                System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(ref trailer, 1)));
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        AssertRefused(ImageError.UnknownContent, folder.File("sparse.pmi"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
    }

    private static readonly (string Name, Action<JsonObject> Change)[] TreeLies =
    [
        ("no process", t => t["processes"] = new JsonArray()),
        ("null process", t => t["processes"]!.AsArray().Add(null)),
        ("null object", t => t["objects"]!.AsArray().Add(null)),
        ("object twice", t => t["objects"]![1]!["id"] = 1),
        ("object 0", t => t["objects"]![1]!["id"] = 0),
        ("object of no kind", t => t["objects"]![1]!["kind"] = ""),
        ("null kind", t => t["objects"]![1]!["kind"] = null),
        ("pid twice", t => t["processes"]![1]!["pid"] = SampleTree.Root),
        ("pid negative", t => t["processes"]![0]!["pid"] = -1),
        ("child without parent", t => t["processes"]![1]!["parentPid"] = 77),
        ("child of itself", t => t["processes"]![1]!["parentPid"] = SampleTree.Child),
        ("process without core", t => t["processes"]!.AsArray().RemoveAt(1)),
        ("tid twice", t => t["processes"]![0]!["threads"]![1]!["tid"] = SampleTree.Root),
        ("tid of another process", t => t["processes"]![0]!["threads"]![1]!["tid"] = SampleTree.Child),
        ("no threads", t => t["processes"]![0]!["threads"] = new JsonArray()),
        ("no leader", t => t["processes"]![0]!["threads"]![0]!["tid"] = 9),
        ("null thread", t => t["processes"]![0]!["threads"]!.AsArray().Add(null)),
        ("short registers", t => t["processes"]![0]!["threads"]![0]!["registers"] = "AAAA"),
        ("short xsave", t => t["processes"]![0]!["threads"]![0]!["extendedState"] = "AAAA"),
        ("short siginfo", t => t["processes"]![0]!["pendingSignals"]![0] = "AAAA"),
        ("null siginfo", t => t["processes"]![0]!["pendingSignals"]![0] = null),
        ("not base64", t => t["processes"]![0]!["pendingSignals"]![0] = "%%%%"),
        ("executable unknown", t => t["processes"]![0]!["executableObject"] = 44),
        ("folder unknown", t => t["processes"]![0]!["workingFolderObject"] = 0),
        ("root unknown", t => t["processes"]![0]!["rootFolderObject"] = -1),
        ("descriptor twice", t => t["processes"]![0]!["descriptors"]![1]!["fd"] = 0),
        ("descriptor negative", t => t["processes"]![0]!["descriptors"]![1]!["fd"] = -7),
        ("descriptor of nothing", t => t["processes"]![0]!["descriptors"]![1]!["objectId"] = 1000),
        ("null descriptor", t => t["processes"]![0]!["descriptors"]![1] = null),
        ("mapping unaligned", t => t["processes"]![0]!["mappings"]![1]!["start"] = SampleTree.Heap + 1),
        ("mapping backwards", t => t["processes"]![0]!["mappings"]![1]!["end"] = SampleTree.Heap - 4096),
        ("mapping empty", t => t["processes"]![0]!["mappings"]![1]!["end"] = SampleTree.Heap),
        ("mapping overlaps", t => t["processes"]![0]!["mappings"]![0]!["end"] = SampleTree.Heap + 4096),
        ("mapping in the kernel", t => t["processes"]![0]!["mappings"]![2]!["end"] = (1UL << 47) + 4096),
        ("mapping of nothing", t => t["processes"]![0]!["mappings"]![0]!["objectId"] = 0),
        ("mapping overflows object", t => t["processes"]![0]!["mappings"]![0]!["objectOffset"] = ulong.MaxValue),
        ("mapping protection", t => t["processes"]![0]!["mappings"]![0]!["protection"] = 8),
        ("mapping backing number", t => t["processes"]![0]!["mappings"]![0]!["backing"] = 55),
        ("mapping backing name", t => t["processes"]![0]!["mappings"]![0]!["backing"] = "Cheese"),
        ("mapping flags null", t => t["processes"]![0]!["mappings"]![0]!["vmFlags"]![0] = null),
        ("null mapping", t => t["processes"]![0]!["mappings"]!.AsArray().Add(null)),
        ("guard outside", t => t["processes"]![0]!["mappings"]![1]!["guards"]![0]!["end"] = SampleTree.Heap + 0x11000),
        ("memory without mapping", t => t["processes"]![0]!["mappings"]!.AsArray().RemoveAt(1)),
        ("data without object", t =>
        {
            t["objects"]!.AsArray().RemoveAt(2);
            foreach (var process in t["processes"]!.AsArray()) process!["descriptors"]!.AsArray().RemoveAt(1);
        }),
        ("auxv odd", t => t["processes"]![0]!["layout"]!["auxiliaryVector"] = "AAAA"),
        ("signal 65", t => t["processes"]![0]!["signalActions"]![0]!["signal"] = 65),
        ("null signal", t => t["processes"]![0]!["signalActions"]![0] = null),
        ("limit 40", t => t["processes"]![0]!["limits"]![0]!["resource"] = 40),
        ("timer 3", t => t["processes"]![0]!["intervalTimers"]![0]!["which"] = 3),
        ("argument null", t => t["processes"]![0]!["commandLine"]![0] = null),
        ("feature null", t => t["origin"]!["cpu"]!["features"]![0] = null),
        ("long name", t => t["processes"]![0]!["name"] = new string('x', 65)),
        ("number as text", t => t["processes"]![0]!["pid"] = "12"),
        ("number too large", t => t["processes"]![0]!["pid"] = 1L << 40),
        ("member missing", t => t["processes"]![0]!.AsObject().Remove("umask")),
        ("origin missing", t => t.Remove("origin")),
        ("state missing", t => t["objects"]![0]!.AsObject().Remove("state")),
    ];

    public static TheoryData<string> TreeLieNames => new(TreeLies.Select(l => l.Name));

    [Theory]
    [MemberData(nameof(TreeLieNames))]
    public void LyingTree_IsRefused(string name)
    {
        var tree = JsonNode.Parse(image.Tree())!.AsObject();
        TreeLies.Single(l => l.Name == name).Change(tree);
        image.Save(folder.File("forged.pmi"), Encoding.UTF8.GetBytes(tree.ToJsonString()));
        AssertRefused(ImageError.Damaged, folder.File("forged.pmi"));
    }

    public static TheoryData<string> BrokenJson =>
    [
        "null", "{}", "[]", "1", "{", "\"x\"", "{\"id\":", "\u0001", "{} {}", "{/**/}",
        new string('[', 100_000), string.Concat(Enumerable.Repeat("{\"a\":", 100_000)),
    ];

    [Theory]
    [MemberData(nameof(BrokenJson))]
    public void BrokenJson_IsRefused(string json)
    {
        image.Save(folder.File("forged.pmi"), Encoding.UTF8.GetBytes(json));
        AssertRefused(ImageError.Damaged, folder.File("forged.pmi"));
    }

    /// <summary>A kind reads its state long after the image was accepted: text that cannot be decoded must not get that far.</summary>
    [Theory]
    [InlineData("\\ud800")]
    [InlineData("\u00ff")]
    public void StateWithUndecodableText_IsRefused(string text)
    {
        var tree = Encoding.Latin1.GetString(image.Tree()).Replace("\"path\":\"/\"", $"\"path\":\"{text}\"", StringComparison.Ordinal);
        image.Save(folder.File("forged.pmi"), Encoding.Latin1.GetBytes(tree));
        AssertRefused(ImageError.Damaged, folder.File("forged.pmi"));
    }

    [Fact]
    public void UnknownMembers_AreIgnored()
    {
        var tree = JsonNode.Parse(image.Tree())!.AsObject();
        tree["laterAddition"] = new JsonObject { ["x"] = 1 };
        image.Save(folder.File("forged.pmi"), Encoding.UTF8.GetBytes(tree.ToJsonString()));
        ImageReader.Open(folder.File("forged.pmi")).Dispose();
    }

    private static ImageException AssertRefused(ImageError expected, string path)
    {
        var error = Assert.Throws<ImageException>(() => ImageReader.Open(path).Dispose());
        Assert.True(error.Error == expected, $"{error.Error}: {error.Message}");
        Assert.Equal(path, error.ImagePath);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        return error;
    }
}
