using System.Globalization;
using System.Text;
using ProcMigrate.Linux;

namespace ProcMigrate.Remote.Ssh;

/// <summary>Text for a POSIX shell.</summary>
internal static class PosixShell
{
    /// <summary>
    /// Commands that give the shell exactly these positional parameters. They are ASCII and one line: they travel through
    /// <c>read</c>, which takes a line, and through shells that mistake bytes above 0x7f for marks of their own.
    /// </summary>
    public static string SetParameters(IEnumerable<string> words)
    {
        var commands = new StringBuilder("set --; ");
        foreach (string word in words)
        {
            if (word.Contains('\0'))
                throw new ArgumentException("an argument contains a zero byte, which no program can be given");
            if (word.All(IsPlain))
                commands.Append($"set -- \"$@\" '{word}'; ");
            else
                // Command substitution strips newlines at the end: an underscore guards them and is taken off again.
                commands.Append($"w=$(printf '{Escape(word)}_'); set -- \"$@\" \"${{w%_}}\"; ");
        }
        return commands.ToString();
    }

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A format of printf(1).</summary>
    private static string Escape(string word)
    {
        var escaped = new StringBuilder();
        foreach (byte b in CString.BytesOf(word))
        {
            // Not \045: dash resolves escapes before it looks for percent signs.
            if (b == '%')
                escaped.Append("%%");
            // Nor a dash as it is: at the beginning printf would take it for an option.
            else if (IsPlain((char)b) && b != '-')
                escaped.Append((char)b);
            else
                escaped.Append('\\').Append(Convert.ToString(b, toBase: 8).PadLeft(3, '0'));
        }
        return escaped.ToString();
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || "@%+=:,./_- ".Contains(c, StringComparison.Ordinal);
}
