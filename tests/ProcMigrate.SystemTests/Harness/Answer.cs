using System.Text.Json;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>What a run of the binary gave.</summary>
/// <param name="Final">With --json: the one result or error object that ends the output.</param>
internal sealed record Answer(int ExitCode, string Output, string Error, JsonElement? Final)
{
    internal string? ErrorId => Final is { } final && final.TryGetProperty("id", out JsonElement id) ? id.GetString() : null;

    /// <summary>The message for people, wherever it stands.</summary>
    internal string Message =>
        Final is { } final && final.TryGetProperty("message", out JsonElement message) ? message.GetString() ?? "" : Error;

    internal IReadOnlyList<JsonElement> Blockers =>
        Final is { } final && final.TryGetProperty("blockers", out JsonElement list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray()] : [];

    /// <summary>Pid, name and number of threads of each process of the tree.</summary>
    internal IReadOnlyList<string> Processes => [.. Final!.Value.GetProperty("processes").EnumerateArray().Select(process => process.GetRawText())];

    internal string Timings => Final!.Value.GetProperty("timings").GetRawText();

    internal long MemoryBytes => Final!.Value.GetProperty("memoryBytes").GetInt64();

    public override string ToString() => $"exit code {ExitCode}\n{Output}{Error}";
}
