using System.Text.Json;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Remote.Migration;

/// <summary>The line in which the far side says that the tree runs: the result of the verb restore, as --json prints it.</summary>
internal static class RestoreLine
{
    /// <summary>The line, unless it is anything else: a tree here is ended on the strength of it.</summary>
    public static string Checked(string line, SshTarget target) => IsResult(line)
        ? line
        : throw new RemoteException(
            RemoteFailure.ProtocolError, target.Host, $"{target.DisplayName} answers that the tree runs, with something that is no result: {FarText.Clean(line)}");

    private static bool IsResult(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && Is(root, "event", "result") && Is(root, "verb", "restore")
                && root.TryGetProperty("pid", out JsonElement pid) && pid.ValueKind == JsonValueKind.Number && pid.TryGetInt32(out int number) && number > 0;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool Is(JsonElement root, string name, string value) =>
        root.TryGetProperty(name, out JsonElement member) && member.ValueKind == JsonValueKind.String && member.ValueEquals(value);
}
