using System.Globalization;
using System.Text.Json;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Remote;

/// <summary>A verb of procmigrate, run on a host.</summary>
internal sealed class RemoteVerb(SshTarget target, Action<string>? onLine, CancellationToken cancel)
{
    /// <summary>A line of JSON about a tree with thousands of processes is long, but not endless.</summary>
    private const int MaxLine = 64 * 1024 * 1024;

    /// <summary>How long a verb may take to undo what it began, once it is told to.</summary>
    private static readonly TimeSpan UndoPatience = TimeSpan.FromSeconds(30);

    private string? finalLine;
    private JsonElement final;

    public RemoteOutcome Run(IReadOnlyList<string> arguments)
    {
        var host = new FarHost(target);
        using var connection = host.StartVerb(WithJson(arguments), cancel);
        int? exitCode = ReadLines(connection, host.Marker);
        cancel.ThrowIfCancellationRequested();
        if (exitCode is null)
            throw Ended(connection);
        if (finalLine is null)
            throw NoResult(connection, exitCode.Value);
        return new RemoteOutcome(target.Host, exitCode.Value, finalLine, final);
    }

    private static List<string> WithJson(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0)
            throw new ArgumentException("a verb is needed", nameof(arguments));
        var list = new List<string>(arguments);
        // Behind the verb: what follows "--" would be a file name.
        if (!list.Contains("--json"))
            list.Insert(1, "--json");
        return list;
    }

    /// <returns>The verb's exit code, or null where the connection ended first.</returns>
    private int? ReadLines(SshConnection connection, string marker)
    {
        // Cancelling first lets go of the lifeline, so that the verb undoes what it began; only then, and only if it takes too long,
        // is the connection ended.
        connection.EndOn(CancellationToken.None);
        using var letGo = cancel.Register(connection.CloseInput);
        using var late = new CancellationTokenSource();
        using var patience = cancel.Register(() => late.CancelAfter(UndoPatience));
        connection.EndOn(late.Token);

        while (ReadLine(connection) is { } line)
        {
            if (line.StartsWith(marker + "exit ", StringComparison.Ordinal))
                return int.Parse(line.AsSpan(marker.Length + 5), CultureInfo.InvariantCulture);
            if (line.Length == 0)
                continue;
            Keep(line);
            onLine?.Invoke(line);
        }
        return null;
    }

    private string? ReadLine(SshConnection connection)
    {
        try
        {
            return connection.Output.ReadLine(MaxLine);
        }
        catch (InvalidDataException e)
        {
            throw new RemoteException(RemoteFailure.ProtocolError, target.Host, $"{target.DisplayName} answers wrongly: {e.Message}.", e);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Keep(string line)
    {
        if (Parse(line) is { } json && (json.GetProperty("event").ValueEquals("result"u8) || json.GetProperty("event").ValueEquals("error"u8)))
            (finalLine, final) = (line, json);
    }

    private static JsonElement? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("event", out var kind) && kind.ValueKind == JsonValueKind.String
                ? document.RootElement.Clone()
                : null;
        }
        catch (JsonException)
        {
            // Not ours: something that the host's start-up files or libraries print.
            return null;
        }
    }

    private RemoteException Ended(SshConnection connection)
    {
        connection.WaitForEnd();
        return SshFailure.Cut(
            target, "before the verb had ended there; it undoes what it began when it notices. Look there what became of it", connection.Errors());
    }

    private RemoteException NoResult(SshConnection connection, int exitCode)
    {
        connection.WaitForEnd();
        return new RemoteException(
            RemoteFailure.FarSideFailed, target.Host,
            SshFailure.WithWords($"procmigrate on {target.DisplayName} ended with exit code {exitCode} and without a result", connection.Errors()));
    }
}
