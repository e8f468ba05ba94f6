using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Cli.Hosting;

/// <summary>The arguments as the caller gave them: .NET has put U+FFFD in the place of bytes that are not UTF-8.</summary>
internal static class RawArguments
{
    private const char Replacement = '\ufffd';

    public static string[] Of(string[] decoded)
    {
        if (!decoded.Any(argument => argument.Contains(Replacement, StringComparison.Ordinal)))
            return decoded;
        string[] raw = CString.Decode(FileCalls.ReadAll("/proc/self/cmdline")).Split('\0');
        // The program's name comes first, and a zero last.
        return raw[^(decoded.Length + 1)..^1];
    }
}
