using System.Runtime.InteropServices;

namespace ProcMigrate.Remote;

/// <summary>
/// Words for .NET's own exceptions: the native binary leaves their texts out, so <see cref="Exception.Message"/> is but a key there.
/// </summary>
internal static class IoFailure
{
    private const int MaxErrno = 4095;

    public static string Describe(Exception e) => e switch
    {
        UnauthorizedAccessException => "permission denied",
        FileNotFoundException => "no such file",
        DirectoryNotFoundException => "a folder on the way there is missing, or is a file",
        // What .NET has no class for keeps its errno here.
        IOException { HResult: > 0 and <= MaxErrno } => $"{Marshal.GetPInvokeErrorMessage(e.HResult)} (errno {e.HResult})",
        _ => e.GetType().Name,
    };
}
