using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ProcMigrate.Image.Text;

/// <summary>
/// Names of the kernel's in JSON. JSON has no bytes, and lone surrogates, which stand for them in memory, it may not have: each becomes
/// U+0000 and two hexadecimal digits. No name holds a zero byte, so that no name can look like such an escape.
/// </summary>
public static class NameText
{
    private const char Mark = '\0';
    private const int EscapeLength = 3;

    /// <summary>Whether the text has to be written otherwise than it is.</summary>
    public static bool NeedsEscape(string text) => text.Contains(Mark, StringComparison.Ordinal) || ForeignText.HasBytes(text);

    public static string Escape(string text)
    {
        if (!NeedsEscape(text)) return text;
        var escaped = new StringBuilder(text.Length + 2 * EscapeLength);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == Mark || ForeignText.IsByte(text, at))
                escaped.Append(CultureInfo.InvariantCulture, $"{Mark}{text[at] & 0xff:x2}");
            else
                escaped.Append(text[at]);
        }
        return escaped.ToString();
    }

    /// <exception cref="JsonException">A zero character that begins no escape of a byte above 0x7f: nothing of ours wrote that.</exception>
    public static string Unescape(string text)
    {
        if (!text.Contains(Mark, StringComparison.Ordinal)) return text;
        var plain = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] != Mark)
            {
                plain.Append(text[at]);
                continue;
            }
            if (at + EscapeLength > text.Length
                || !byte.TryParse(text.AsSpan(at + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) || value < 0x80)
                throw new JsonException("a text holds a zero character");
            plain.Append((char)(0xdc00 + value));
            at += EscapeLength - 1;
        }
        return plain.ToString();
    }
}
