using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>/proc/PID/stat (proc_pid_stat(5)); the addresses read 0 without PTRACE_MODE_READ.</summary>
public sealed record ProcStat
{
    public required int Pid { get; init; }
    public required string Name { get; init; }

    /// <summary>R, S, D, T, t, Z, X, I.</summary>
    public required char State { get; init; }
    public required int ParentPid { get; init; }
    public required int GroupId { get; init; }
    public required int SessionId { get; init; }
    public required int Terminal { get; init; }

    /// <summary>Process group in the foreground of the terminal; -1 where there is none.</summary>
    public required int TerminalForegroundGroup { get; init; }
    public required uint Flags { get; init; }
    public required int Nice { get; init; }

    /// <summary>Clock ticks since boot: with the pid, the identity of a process.</summary>
    public required ulong StartTime { get; init; }
    public required ulong StartCode { get; init; }
    public required ulong EndCode { get; init; }
    public required ulong StartStack { get; init; }
    public required ulong StartData { get; init; }
    public required ulong EndData { get; init; }
    public required ulong StartBreak { get; init; }
    public required ulong ArgumentStart { get; init; }
    public required ulong ArgumentEnd { get; init; }
    public required ulong EnvironmentStart { get; init; }
    public required ulong EnvironmentEnd { get; init; }
    public required int ExitCode { get; init; }

    /// <summary>The one it ran on last.</summary>
    public required int Processor { get; init; }

    /// <summary>PF_KTHREAD: a thread of the kernel itself.</summary>
    public bool IsKernelThread => (Flags & 0x00200000) != 0;

    public static ProcStat Of(int pid) => Parse(FileCalls.ReadText($"/proc/{pid}/stat"));

    /// <returns>Null where there is no such process.</returns>
    public static ProcStat? TryOf(int pid)
    {
        try
        {
            return Of(pid);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            return null;
        }
    }

    internal static ProcStat Parse(string text)
    {
        // The name may hold spaces and parentheses: what counts is the last one.
        int open = text.IndexOf('(', StringComparison.Ordinal);
        int close = text.LastIndexOf(')');
        string[] f = text[(close + 2)..].TrimEnd('\n').Split(' ');
        // Field n of the man page stands at n - 3.
        return new ProcStat
        {
            Pid = int.Parse(text[..open], CultureInfo.InvariantCulture),
            Name = text[(open + 1)..close],
            State = f[0][0],
            ParentPid = Int(f[4 - 3]),
            GroupId = Int(f[5 - 3]),
            SessionId = Int(f[6 - 3]),
            Terminal = Int(f[7 - 3]),
            TerminalForegroundGroup = Int(f[8 - 3]),
            Flags = (uint)Ulong(f[9 - 3]),
            Nice = Int(f[19 - 3]),
            StartTime = Ulong(f[22 - 3]),
            StartCode = Ulong(f[26 - 3]),
            EndCode = Ulong(f[27 - 3]),
            StartStack = Ulong(f[28 - 3]),
            StartData = Ulong(f[45 - 3]),
            EndData = Ulong(f[46 - 3]),
            StartBreak = Ulong(f[47 - 3]),
            ArgumentStart = Ulong(f[48 - 3]),
            ArgumentEnd = Ulong(f[49 - 3]),
            EnvironmentStart = Ulong(f[50 - 3]),
            EnvironmentEnd = Ulong(f[51 - 3]),
            ExitCode = Int(f[52 - 3]),
            Processor = Int(f[39 - 3]),
        };
    }

    private static int Int(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static ulong Ulong(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);
}
