using System.Globalization;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Remote;

/// <summary>A verb of procmigrate, run on a host.</summary>
internal sealed class RemoteVerb(SshTarget target, Action<string>? onLine, CancellationToken cancel)
{
    /// <summary>What each line of <c>--json</c> begins with.</summary>
    private const string EventStart = "{\"event\":\"";

    /// <summary>A line of JSON about a tree with thousands of processes is long, but not endless.</summary>
    private const int MaxLine = 16 * 1024 * 1024;

    /// <summary>Of lines that are none of ours: what start-up files and libraries of the host print.</summary>
    private const int MaxChatter = 1024 * 1024;

    /// <summary>How long is waited, once the verb is told to undo what it began, for its word that it has.</summary>
    private static readonly TimeSpan UndoPatience = TimeSpan.FromMilliseconds(700);

    private string? finalLine;
    private long chatter;

    public RemoteOutcome Run(IReadOnlyList<string> arguments)
    {
        var host = new FarHost(target);
        using var connection = host.StartVerb(WithJson(arguments), cancel);
        int? exitCode = ReadLines(connection, host.Marker);
        if (exitCode is { } code && finalLine is not null && (code == 0 || !cancel.IsCancellationRequested))
            return new RemoteOutcome(target.Host, code, finalLine);
        if (exitCode is null && cancel.IsCancellationRequested)
            throw new UnconfirmedException(target.DisplayName);
        cancel.ThrowIfCancellationRequested();
        if (exitCode is null)
            throw connection.Silence ?? Ended(connection);
        throw NoResult(connection, exitCode.Value);
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
        connection.Pulse.Expect("do it and tell what comes of it", HostPatience.Silence);

        while (ReadLine(connection) is { } line)
        {
            if (line.StartsWith(marker + "exit ", StringComparison.Ordinal))
                return ExitCode(line[(marker.Length + 5)..]);
            if (!line.StartsWith(EventStart, StringComparison.Ordinal))
            {
                if ((chatter += line.Length + 1) > MaxChatter)
                    throw Wrong("it prints too much that is no event");
                continue;
            }
            connection.Pulse.Sign();
            Keep(line);
            onLine?.Invoke(line);
        }
        return null;
    }

    private int ExitCode(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code is >= 0 and <= 255
            ? code
            : throw Wrong($"\"{FarText.Clean(text)}\" is no exit code");

    private RemoteException Wrong(string why) => new(
        RemoteFailure.ProtocolError, target.Host, $"{target.DisplayName} answers wrongly: {why}.");

    private string? ReadLine(SshConnection connection)
    {
        try
        {
            return connection.Output.ReadLine(MaxLine);
        }
        catch (InvalidDataException e)
        {
            throw Wrong(e.Message);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Of the two kinds of line that end a verb there is one; which kind stands at its beginning, so that nothing else is parsed.</summary>
    private void Keep(string line)
    {
        if (!line.StartsWith(EventStart + "result\"", StringComparison.Ordinal) && !line.StartsWith(EventStart + "error\"", StringComparison.Ordinal))
            return;
        if (finalLine is not null)
            throw Wrong("it tells twice what came of the verb");
        finalLine = line;
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
