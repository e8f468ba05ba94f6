namespace ProcMigrate.Linux;

/// <summary>A system call failed: which, on what, why.</summary>
public sealed class LinuxException(string call, string target, int errno)
    : Exception($"{call} on {target} failed: {Linux.Errno.Describe(errno)}")
{
    public string Call { get; } = call;
    public string Target { get; } = target;
    public int Errno { get; } = errno;
}
