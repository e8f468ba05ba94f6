using System.Text.Json;

namespace ProcMigrate.Remote;

/// <summary>How a verb ended on a host.</summary>
/// <param name="Host">As the target named it.</param>
/// <param name="ExitCode">The verb's own exit code there.</param>
/// <param name="FinalLine">Its last event: the <c>result</c> or <c>error</c> line, as it came.</param>
public sealed record RemoteOutcome(string Host, int ExitCode, string FinalLine)
{
    /// <summary>The same, parsed; undefined where the host sent something that is no JSON.</summary>
    public JsonElement Final
    {
        get
        {
            try
            {
                using var document = JsonDocument.Parse(FinalLine);
                return document.RootElement.Clone();
            }
            catch (JsonException)
            {
                return default;
            }
        }
    }

    public bool Succeeded =>
        ExitCode == 0 && Final is { ValueKind: JsonValueKind.Object } line && line.TryGetProperty("event", out var kind) && kind.ValueEquals("result"u8);
}
