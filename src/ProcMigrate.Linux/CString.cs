namespace ProcMigrate.Linux;

/// <summary>
/// Strings as the kernel takes and gives them: bytes without meaning, zero at the end. File names need not be UTF-8;
/// bytes that are not are carried through as lone surrogates U+DC80…U+DCFF, so that nothing is lost.
/// </summary>
public static class CString
{
    public static byte[] Of(string text) => ForeignText.Encode(text, spare: 1);

    /// <summary>The same without the zero.</summary>
    public static byte[] BytesOf(string text) => ForeignText.Encode(text, spare: 0);

    /// <summary>What a buffer of fixed size holds: up to the first zero, where there is one.</summary>
    public static string OfBuffer(ReadOnlySpan<byte> buffer) =>
        Decode(buffer.IndexOf((byte)0) is var end and >= 0 ? buffer[..end] : buffer);

    public static string Decode(ReadOnlySpan<byte> bytes) => ForeignText.Decode(bytes);
}
