namespace ProcMigrate.PowerShell.Running;

/// <summary>An error as PowerShell is to show it: one for each sort of blocker, or one for everything else.</summary>
internal sealed record ErrorDescription(
    string Id, ErrorKind Kind, string Message, string? RecommendedAction, int ExitCode, IReadOnlyList<ImageBlocker> Blockers)
{
    /// <summary>What an error of the binary is in PowerShell.</summary>
    public static IReadOnlyList<ErrorDescription> From(Answer error)
    {
        var exitCode = error.ExitCode ?? 1;
        var where = error.Host is null ? "" : $"{error.Host}: ";
        if (error.Blockers is not { Count: > 0 } blockers)
        {
            var id = error.Id ?? "Failed";
            var kind = ErrorCatalog.KindOf(id, exitCode);
            return [new(id, kind, where + ParameterWords.Of(error.Message ?? ""), ErrorCatalog.ActionFor(id, kind), exitCode, [])];
        }

        return [.. blockers.Select(blocker => Answers.ToBlocker(blocker, error.Host)).GroupBy(blocker => blocker.BlockerId).Select(group => FromGroup(group, where, exitCode))];
    }

    private static ErrorDescription FromGroup(IGrouping<string, ImageBlocker> group, string where, int exitCode)
    {
        ImageBlocker[] blockers = [.. group];
        var places = string.Join("; ", blockers.Select(Place));
        var reasons = string.Join("; ", blockers.Select(blocker => blocker.Why).Distinct());
        var remedies = string.Join(Environment.NewLine, blockers.Select(blocker => blocker.Remedy).Distinct());
        return new(group.Key, ErrorCatalog.KindOf(group.Key, exitCode), $"{where}{places}: {reasons}", remedies, exitCode, blockers);
    }

    private static string Place(ImageBlocker blocker) => (blocker.ProcessId, blocker.Descriptor) switch
    {
        (int pid, int fd) => $"{blocker.What} (pid {pid}, fd {fd})",
        (int pid, null) => $"{blocker.What} (pid {pid})",
        _ => blocker.What,
    };
}
