using System.Text;

namespace ProcMigrate.Linux;

/// <summary>
/// Strings as the kernel takes and gives them: bytes without meaning, zero at the end. File names need not be UTF-8;
/// bytes that are not are carried through as lone surrogates U+DC80…U+DCFF (as Python does), so that nothing is lost.
/// </summary>
public static class CString
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public static byte[] Of(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\udc80', '\udcff'))
        {
            byte[] plain = new byte[Encoding.UTF8.GetByteCount(text) + 1];
            Encoding.UTF8.GetBytes(text, plain);
            return plain;
        }
        return OfAnyBytes(text);
    }

    private static byte[] OfAnyBytes(string text)
    {
        var bytes = new List<byte>(text.Length + 1);
        Span<byte> one = stackalloc byte[4];
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c is >= '\udc80' and <= '\udcff')
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
        bytes.Add(0);
        return [.. bytes];
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

    private static string DecodeBytewise(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int used) == System.Buffers.OperationStatus.Done)
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
