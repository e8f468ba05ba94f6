using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Image;
using ProcMigrate.Image.Format;

namespace ProcMigrate.Tests.Image;

/// <summary>Whatever happens to the bytes, a reader says so, and in no other way than by an <see cref="ImageException"/>.</summary>
public sealed class ImageDamageTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string path;
    private readonly byte[] original;

    public ImageDamageTests()
    {
        path = folder.File("sample.pmi");
        SampleImage.Write(path);
        original = File.ReadAllBytes(path);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void AnyByteFlipped_IsFound()
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        for (var i = 0; i < original.Length; i++)
        {
            WriteByte(file, i, (byte)(original[i] ^ (1 << (i % 8))));
            Assert.True(Refusal(path) is not null, $"byte {i} of {original.Length}");
            WriteByte(file, i, original[i]);
        }
        Assert.Null(Refusal(path));
    }

    [Fact]
    public void AnyTruncation_IsFound()
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        for (var length = original.Length - 1; length >= 0; length--)
        {
            file.SetLength(length);
            var refusal = Refusal(path);
            Assert.True(refusal?.Error == (length >= 4096 ? ImageError.Truncated : refusal?.Error), $"length {length}: {refusal}");
            Assert.NotNull(refusal);
        }
    }

    [Fact]
    public void AnythingAppended_IsFound()
    {
        File.AppendAllBytes(path, [0]);
        Assert.Equal(ImageError.Truncated, Refusal(path)?.Error);
    }

    [Fact]
    public void ByteWithinPadding_IsFound()
    {
        var forged = new ForgedImage(path);
        var data = forged.Entries[forged.Find(ExtentKind.ObjectData)];
        Assert.Equal(0, original[data.End]);
        original[data.End] = 1;
        File.WriteAllBytes(path, original);
        Assert.Contains("padding", Refusal(path)!.Message, StringComparison.Ordinal);
    }

    /// <summary>Mutations behind right checksums: what they make may even be valid, but nothing else than a refusal may come of them.</summary>
    [Fact]
    public void RandomMutationOfIndexOrTree_NeverCrashes()
    {
        var refused = 0;
        var target = folder.File("mutated.pmi");
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            Mutate(new Random(seed), target);
            if (Refusal(target) is not null) refused++;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
        Assert.True(refused > 500, $"only {refused} refused: the mutations do not bite");
    }

    private void Mutate(Random random, string target)
    {
        var forged = new ForgedImage(path);
        var tree = forged.Tree();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            if (random.Next(2) == 0) forged.Entries[random.Next(forged.Entries.Count)] = Mutated(forged, random);
            else if (random.Next(2) == 0) tree[random.Next(tree.Length)] = (byte)random.Next(256);
            else tree = Spliced(tree, random);
        }
        forged.Save(target, forged.Find(ExtentKind.Tree) < 0 ? null : tree);
    }

    private static IndexEntry Mutated(ForgedImage forged, Random random)
    {
        var entry = forged.Entries[random.Next(forged.Entries.Count)];
        long[] interesting = [0, 1, -1, 4096, long.MaxValue, long.MinValue, 1L << 47, random.NextInt64(), forged.Trailer.IndexOffset];
        var value = interesting[random.Next(interesting.Length)];
        switch (random.Next(8))
        {
            case 0: entry.Kind = (ExtentKind)random.Next(9); break;
            case 1: entry.Codec = (ExtentCodec)random.Next(3); break;
            case 2: entry.Owner = (int)value; break;
            case 3: entry.Address = (ulong)value; break;
            case 4: entry.Offset = value; break;
            case 5: entry.StoredLength = value; break;
            case 6: entry.StoredLength = entry.RawLength = value; break;
            default: entry.Crc32C = (uint)value; break;
        }
        return entry;
    }

    /// <summary>A piece of the JSON removed, or put in elsewhere: often still JSON.</summary>
    private static byte[] Spliced(byte[] tree, Random random)
    {
        var commas = Enumerable.Range(0, tree.Length).Where(i => tree[i] is (byte)',' or (byte)'[' or (byte)'{' or (byte)':').ToArray();
        var from = commas[random.Next(commas.Length)];
        var to = Math.Min(tree.Length, from + random.Next(200));
        string[] values = ["", "null", "-1", "[]", "{}", "1e999", "99999999999999999999", "\"\\ud800\"", "\"\"", "[null]"];
        return [.. tree[..(from + 1)], .. System.Text.Encoding.UTF8.GetBytes(values[random.Next(values.Length)]), .. tree[to..]];
    }

    private static void WriteByte(FileStream file, long offset, byte value)
    {
        file.Position = offset;
        file.WriteByte(value);
    }

    private static ImageException? Refusal(string path)
    {
        try
        {
            using var reader = ImageReader.Open(path);
            reader.VerifyMemory(null, CancellationToken.None);
            return null;
        }
        catch (ImageException e)
        {
            return e;
        }
    }
}
