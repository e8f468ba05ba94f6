using System.Text;

namespace ProcMigrate.Remote.Ssh;

/// <summary>Text from another host, on its way to a terminal.</summary>
public static class FarText
{
    private const int MaxChars = 4000;

    /// <summary>Without control characters, which could drive the terminal, and of bearable length: the end counts.</summary>
    public static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (c is '\n' or '\t' || !char.IsControl(c))
                clean.Append(c);
        }
        return clean.Length <= MaxChars ? clean.ToString() : "… " + clean.ToString(clean.Length - MaxChars, MaxChars);
    }
}
