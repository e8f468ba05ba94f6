using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Linux;

namespace ProcMigrate.Tests.Linux;

public class CStringTests
{
    /// <summary>Text, broken UTF-8 and noise mixed: what file names may hold.</summary>
    private static readonly Gen<byte[]> Names = Gen.OneOf(
            Gen.Choose(1, 255).Select(b => new[] { (byte)b }),
            Gen.Choose(0x80, 0xff).Select(b => new[] { (byte)b }),
            Gen.Elements(
                "a"u8.ToArray(), "ä"u8.ToArray(), "語"u8.ToArray(), "🐧"u8.ToArray(),
                [0xf0, 0x9f, 0x90], // cut
                [0xed, 0xa0, 0x80], [0xed, 0xb2, 0x80], // surrogates, which UTF-8 forbids
                [0xc0, 0xaf], [0xf4, 0x90, 0x80, 0x80], // overlong; above U+10FFFF
                [0xef, 0xbb, 0xbf], [0xef, 0xbf, 0xbd])) // byte order mark; replacement character
        .ListOf().Select(parts => parts.SelectMany(p => p).ToArray());

    [Fact]
    public void AnyBytes_ComeBack_WithAZeroBehind()
    {
        Prop.ForAll(Names.ToArbitrary(), name =>
        {
            Assert.Equal([.. name, 0], CString.Of(CString.Decode(name)));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void AnyText_IsWrittenAsUtf8_AndComesBack()
    {
        Prop.ForAll(Names.Where(IsUtf8).ToArbitrary(), bytes =>
        {
            string text = CString.Decode(bytes);
            Assert.Equal(System.Text.Encoding.UTF8.GetString(bytes), text);
            Assert.Equal(text, CString.Decode(CString.Of(text).AsSpan()[..^1]));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void BytesThatAreNoText_BecomeLoneSurrogates_LikeInPython()
    {
        Assert.Equal("a\udcffb", CString.Decode([(byte)'a', 0xff, (byte)'b']));
        Assert.Equal("\udced\udca0\udc80", CString.Decode([0xed, 0xa0, 0x80]));
    }

    private static bool IsUtf8(byte[] bytes) => System.Text.Unicode.Utf8.IsValid(bytes);
}
