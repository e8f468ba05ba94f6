using System.Text;
using System.Text.Json;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Cli.Hosting;

/// <summary>
/// With hardly any open files allowed, the .NET runtime itself ends with an exception that names no limit. So this comes before all else, and
/// writes without it.
/// </summary>
internal static class OpenFileFloor
{
    private const ulong Fewest = 32;

    /// <summary>Uses what the hard limit allows.</summary>
    /// <returns>False where that is too little; it has been said then.</returns>
    public static bool Reach(string[] arguments)
    {
        ResourceLimit limit = ResourceLimits.GetOwn(ResourceLimits.RLIMIT_NOFILE);
        if (limit.rlim_max < Fewest)
        {
            var message = $"The hard limit of open files (ulimit -Hn) is {limit.rlim_max} here, and procmigrate needs {Fewest}, for a restore more. "
                + "Raise it: ulimit -n as root, LimitNOFILE= of a service, or /etc/security/limits.conf.";
            if (arguments.Contains("--json"))
                Write(1, $$"""{"event":"error","id":"TooManyDescriptors","message":"{{JsonEncodedText.Encode(message)}}","blockers":[],"exitCode":1}""" + "\n");
            else
                Write(2, $"procmigrate: {message}\n");
            return false;
        }
        if (limit.rlim_cur < limit.rlim_max)
            ResourceLimits.SetOwn(ResourceLimits.RLIMIT_NOFILE, limit with { rlim_cur = limit.rlim_max });
        return true;
    }

    /// <summary>By the system call: a FileStream would write to a file from its beginning.</summary>
    private static unsafe void Write(int fd, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* start = bytes)
            RawSyscall.Try(SyscallNumber.write, fd, (nint)start, bytes.Length);
    }
}
