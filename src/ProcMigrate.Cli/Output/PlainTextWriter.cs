using System.Globalization;
using System.Text;

namespace ProcMigrate.Cli.Output;

/// <summary>
/// The one way of words to people. Names, paths, titles, host names and what another host says were made by who knows whom; on a terminal
/// they could move the cursor, change its title, answer for the user, or turn the direction of writing. So all that is not to be seen is
/// shown as what it is, also the end of a line within one.
/// </summary>
internal sealed class PlainTextWriter(TextWriter target) : TextWriter(CultureInfo.InvariantCulture)
{
    public override Encoding Encoding => target.Encoding;

    /// <summary>The text without anything that acts on a terminal: <c>\n</c>, <c>\x1b</c>, <c>\u202e</c>.</summary>
    public static string Plain(string? text)
    {
        if (text is null)
            return "";
        var first = 0;
        while (first < text.Length && !Acts(text[first]))
            first++;
        if (first == text.Length)
            return text;
        var plain = new StringBuilder(text, 0, first, text.Length + 16);
        foreach (var character in text.AsSpan(first))
        {
            if (Acts(character))
                plain.Append(Shown(character));
            else
                plain.Append(character);
        }

        return plain.ToString();
    }

    public override void Write(char value) => target.Write(value == '\n' ? "\n" : Plain(value.ToString()));

    public override void Write(string? value) => target.Write(Plain(value));

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void Write(ReadOnlySpan<char> buffer) => Write(buffer.ToString());

    public override void WriteLine() => target.WriteLine();

    public override void WriteLine(string? value) => target.WriteLine(Plain(value));

    public override void Flush() => target.Flush();

    /// <summary>Controls, and of what only arranges text all but the joiners that some scripts are written with.</summary>
    private static bool Acts(char character) => char.GetUnicodeCategory(character) switch
    {
        UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => true,
        UnicodeCategory.Format => character is not ('\u200c' or '\u200d'),
        _ => false,
    };

    private static string Shown(char character) => character switch
    {
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < '\u0100' => string.Create(CultureInfo.InvariantCulture, $"\\x{(int)character:x2}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}"),
    };
}
