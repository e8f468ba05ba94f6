using System.Text.Json;

namespace ProcMigrate.Remote;

/// <summary>How a verb ended on a host.</summary>
/// <param name="Host">As the target named it.</param>
/// <param name="ExitCode">The verb's own exit code there.</param>
/// <param name="FinalLine">Its last event: the <c>result</c> or <c>error</c> line, as it came.</param>
/// <param name="Final">The same, parsed.</param>
public sealed record RemoteOutcome(string Host, int ExitCode, string FinalLine, JsonElement Final)
{
    public bool Succeeded => ExitCode == 0 && Final.GetProperty("event").ValueEquals("result"u8);
}
