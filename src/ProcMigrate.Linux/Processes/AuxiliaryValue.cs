using System.Runtime.InteropServices;

namespace ProcMigrate.Linux.Processes;

/// <summary>What the kernel told this process at its start (getauxval(3)).</summary>
public static partial class AuxiliaryValue
{
    private const int AT_SECURE = 23;

    [LibraryImport("libc")]
    private static partial nuint getauxval(nuint type);

    /// <summary>Whether the program's file gave this process rights that its caller does not have: capabilities, or another user's id.</summary>
    public static bool IsSecure => getauxval(AT_SECURE) != 0;
}
