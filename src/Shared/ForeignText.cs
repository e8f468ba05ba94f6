using System.Buffers;
using System.Text;

namespace ProcMigrate;

/// <summary>
/// Text that the kernel gives and takes: bytes without meaning. What is not UTF-8 is carried as lone surrogates U+DC80…U+DCFF (as
/// Python does), so that nothing is lost. .NET's own calls on files put a question mark in their place: such text is not for them.
/// </summary>
internal static class ForeignText
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <param name="spare">Zero bytes behind the text.</param>
    public static byte[] Encode(string text, int spare)
    {
        if (HasBytes(text))
            return EncodeBytewise(text, spare);
        byte[] plain = new byte[Encoding.UTF8.GetByteCount(text) + spare];
        Encoding.UTF8.GetBytes(text, plain);
        return plain;
    }

    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return DecodeBytewise(bytes);
        }
    }

    /// <summary>Whether any character stands for a byte.</summary>
    public static bool HasBytes(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\udc80', '\udcff'))
            return false;
        for (int at = 0; at < text.Length; at++)
        {
            if (IsByte(text, at))
                return true;
        }
        return false;
    }

    public static bool IsByte(string text, int at) =>
        text[at] is >= '\udc80' and <= '\udcff' && (at == 0 || !char.IsHighSurrogate(text[at - 1]));

    private static byte[] EncodeBytewise(string text, int spare)
    {
        var bytes = new List<byte>(text.Length + spare);
        Span<byte> one = stackalloc byte[4];
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (IsByte(text, i))
            {
                bytes.Add((byte)(c - 0xdc00));
                continue;
            }
            bool pair = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            int length = Encoding.UTF8.GetBytes(text.AsSpan(i, pair ? 2 : 1), one);
            bytes.AddRange(one[..length]);
            if (pair)
                i++;
        }
        bytes.AddRange(new byte[spare]);
        return [.. bytes];
    }

    private static string DecodeBytewise(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int used) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
                bytes = bytes[used..];
            }
            else
            {
                text.Append((char)(0xdc00 + bytes[0]));
                bytes = bytes[1..];
            }
        }
        return text.ToString();
    }
}
