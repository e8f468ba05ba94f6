using System.Runtime.InteropServices;

namespace ProcMigrate;

/// <summary>Paths whose bytes need not be UTF-8; see <see cref="ForeignText"/>.</summary>
internal static partial class ForeignPath
{
    /// <summary>PATH_MAX.</summary>
    private const int Longest = 4096;

    [LibraryImport("libc")]
    private static unsafe partial byte* getcwd(byte* buffer, nuint size);

    /// <summary>Absolute, as <see cref="Path.GetFullPath(string)"/> makes it, which would mistake a working folder that is not UTF-8.</summary>
    public static string Full(string path) =>
        Path.GetFullPath(Path.IsPathRooted(path) ? path : Path.Combine(WorkingFolder(), path));

    private static unsafe string WorkingFolder()
    {
        byte* buffer = stackalloc byte[Longest];
        byte* folder = getcwd(buffer, Longest);
        // Of a folder that has been deleted .NET tells in its own words.
        return folder is null ? Environment.CurrentDirectory : ForeignText.Decode(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(folder));
    }
}
