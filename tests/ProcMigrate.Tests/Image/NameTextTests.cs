using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Image;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;
using ProcMigrate.Image.Text;
using ProcMigrate.Linux;

namespace ProcMigrate.Tests.Image;

/// <summary>Names are bytes, and JSON has none.</summary>
public sealed class NameTextTests : IDisposable
{
    /// <summary>Noise, text, broken text, and text that looks like an escape of JSON's, of ours or of /proc's.</summary>
    private static readonly Gen<byte[]> Names = Gen.OneOf(
            Gen.Choose(1, 255).Select(b => new[] { (byte)b }),
            Gen.Choose(0x80, 0xff).Select(b => new[] { (byte)b }),
            Gen.Elements(
                "a"u8.ToArray(), "e9"u8.ToArray(), "ä"u8.ToArray(), "🐧"u8.ToArray(), "\\u0000e9"u8.ToArray(), "u0000e9"u8.ToArray(), "\\udce9"u8.ToArray(),
                "\\"u8.ToArray(), "\\012"u8.ToArray(), "\ufffd"u8.ToArray(), "\""u8.ToArray(),
                [0xf0, 0x9f, 0x90], [0x9f, 0x90, 0xa7], [0xed, 0xa0, 0x80], [0xed, 0xb2, 0x80], [0xc0, 0xaf], [0xf4, 0x90, 0x80, 0x80], [0xef, 0xbb, 0xbf]))
        .ListOf().Select(parts => parts.SelectMany(p => p).ToArray());

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void AnyBytes_ThroughJsonAndBack_StayThemselves()
    {
        Prop.ForAll(Names.ToArbitrary(), name =>
        {
            var record = SampleTree.Create() with { Tool = CString.Decode(name) };
            var json = JsonSerializer.SerializeToUtf8Bytes(record, ImageJson.Default.TreeRecord);
            var back = JsonSerializer.Deserialize(json, ImageJson.Default.TreeRecord)!;
            Assert.Equal(name, CString.BytesOf(back.Tool));
        }).QuickCheckThrowOnFailure();
    }

    /// <summary>What other readers see is UTF-8 and proper JSON, and different names are different to them, too.</summary>
    [Fact]
    public void EscapedText_IsPlain_AndNoTwoNamesAreOne()
    {
        Prop.ForAll(Names.Two().ToArbitrary(), pair =>
        {
            var (one, other) = (NameText.Escape(CString.Decode(pair.Item1)), NameText.Escape(CString.Decode(pair.Item2)));
            Assert.Equal(one, Encoding.UTF8.GetString(new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(one)));
            Assert.Equal(pair.Item1.AsSpan().SequenceEqual(pair.Item2), one == other);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void NamesOfMembers_AreTextToo()
    {
        var process = SampleTree.Create().Processes[0] with { Aspects = new Dictionary<string, JsonElement> { ["\udce9"] = JsonSerializer.SerializeToElement(1u, ImageJson.Default.UInt32) } };
        var json = JsonSerializer.SerializeToUtf8Bytes(SampleTree.Create() with { Processes = [process] }, ImageJson.Default.TreeRecord);
        Assert.Contains("\"\\u0000e9\":1", Encoding.UTF8.GetString(json), StringComparison.Ordinal);
        Assert.Equal("\udce9", Assert.Single(JsonSerializer.Deserialize(json, ImageJson.Default.TreeRecord)!.Processes[0].Aspects.Keys));
    }

    [Fact]
    public void AByte_IsAZeroAndTwoDigits() => Assert.Equal("caf\0e9.txt", NameText.Escape("caf\udce9.txt"));

    [Theory]
    [InlineData("a\0")]
    [InlineData("a\0e")]
    [InlineData("a\0zz")]
    [InlineData("a\041")]
    [InlineData("a\000")]
    [InlineData("\0 e9")]
    public void AZeroThatIsNoEscape_IsNothingOfOurs(string text) => Assert.Throws<JsonException>(() => NameText.Unescape(text));

    /// <summary>An older program must not take what stands before the escape for the name: it refuses a format that it does not know.</summary>
    [Theory]
    [InlineData("/srv/caf?", 2)]
    [InlineData("/srv/café", 1)]
    [InlineData("/srv/\ufffd", 1)]
    [InlineData("/srv/\\u0000e9", 1)]
    [InlineData("/srv/\\\\u0000e9", 1)]
    [InlineData("/srv/\\?", 2)]
    public void Format_IsTheOlder_WhereItCanBe(string pattern, int version)
    {
        // Attributes hold no lone surrogates.
        var name = pattern.Replace('?', '\udce9');
        SampleImage.Write(folder.File("a.pmi"), SampleTree.Create() with { Tool = name });
        using var reader = ImageReader.Open(folder.File("a.pmi"));
        Assert.Equal((version, name), (reader.FormatVersion, reader.Tree.Tool));
        using var target = ProcMigrate.Image.Storage.TargetFile.Create(folder.File("description.pmi"), overwrite: false);
        reader.WriteDescription(target);
        using var description = ImageReader.Open(folder.File("description.pmi"));
        Assert.Equal((version, name), (description.FormatVersion, description.Tree.Tool));
        description.RequireTreeOf(reader);
    }

    /// <summary>The tree goes through buffers: the escape is found wherever their ends fall.</summary>
    [Fact]
    public void Format_IsSeen_AcrossWrites()
    {
        byte[] json = [.. "\"a\\u0000e9\""u8];
        for (var cut = 0; cut <= json.Length; cut++)
        {
            using var watch = new EscapeWatch(new MemoryStream());
            watch.Write(json.AsSpan(0, cut));
            watch.Write(json.AsSpan(cut));
            Assert.True(watch.Seen, $"cut at {cut}");
        }
    }

    /// <summary>Nowhere in the tree, the states of kinds included, may a name hold a zero, at which the kernel would cut it off.</summary>
    [Fact]
    public void ZeroInAName_IsDamage()
    {
        SampleImage.Write(folder.File("a.pmi"));
        var forged = new ForgedImage(folder.File("a.pmi"));
        var tree = Encoding.UTF8.GetString(forged.Tree());
        Assert.Contains("\"name\":\"state\"", tree, StringComparison.Ordinal);
        forged.Save(folder.File("forged.pmi"), Encoding.UTF8.GetBytes(tree.Replace("\"name\":\"state\"", "\"name\":\"st\\u0000\"", StringComparison.Ordinal)));
        var error = Assert.Throws<ImageException>(() => ImageReader.Open(folder.File("forged.pmi")));
        Assert.Equal(ImageError.Damaged, error.Error);
    }
}
