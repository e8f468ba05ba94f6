using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>Blockers for people: what and where in the first line, why and what to do below it.</summary>
internal static class BlockerText
{
    public static void Write(IReadOnlyList<Blocker> blockers, TextWriter output)
    {
        for (var index = 0; index < blockers.Count; index++)
        {
            var blocker = blockers[index];
            output.WriteLine($"  {index + 1}. {blocker.Id}{Where(blocker)}: {blocker.What}");
            output.WriteLine($"     why:    {blocker.Why}");
            output.WriteLine($"     remedy: {blocker.Remedy}");
        }
    }

    private static string Where(Blocker blocker) => (blocker.Pid, blocker.Fd) switch
    {
        (int pid, int fd) => $" (pid {pid}, fd {fd})",
        (int pid, null) => $" (pid {pid})",
        (null, int fd) => $" (fd {fd})",
        _ => "",
    };
}
