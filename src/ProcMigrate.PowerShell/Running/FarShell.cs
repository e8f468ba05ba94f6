using System.Globalization;
using System.Text;
using ProcMigrate.Linux;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.PowerShell.Running;

/// <summary>A process on a host: a pid alone may belong to another by now.</summary>
internal sealed record FarProcess(int Id, long StartTicks);

/// <summary>Small questions to a host, answered by its POSIX shell: nothing of ours is needed there.</summary>
internal sealed class FarShell(Place place)
{
    /// <summary>What comes before our own lines; a login shell's start-up files may print something first.</summary>
    private const string Marker = "procmigrate-answer ";
    private const int MaxLine = 1 << 20;

    /// <summary>Sets $alive to yes or no; a zombie has ended. Arguments: pid, start in ticks (0: any).</summary>
    private const string AliveFunction =
        "alive() { alive=no; s=$(cat \"/proc/$1/stat\" 2>/dev/null) || return 0; t=$2; set -- ${s##*) }; [ \"$1\" = Z ] && return 0; " +
        "if [ \"$t\" = 0 ] || [ \"${20}\" = \"$t\" ]; then alive=yes; fi; }; ";

    private SshTarget Target => place.Login.ToTarget(place.HostName ?? throw new InvalidOperationException("this host needs no shell"));

    public bool IsAlive(FarProcess process) =>
        First($"{AliveFunction}{Parameters(process)}alive \"$1\" \"$2\"; say $alive", CancellationToken.None) == "yes";

    /// <returns>False where the process had ended.</returns>
    public bool Signal(FarProcess process, string signal)
    {
        var answer = First(
            $"{AliveFunction}{Parameters(process)}p=$1; alive \"$1\" \"$2\"; " +
            $"if [ $alive = no ]; then say no; elif e=$(kill -s {signal} \"$p\" 2>&1); then say yes; else say \"failed $e\"; fi",
            CancellationToken.None);
        return answer switch
        {
            "yes" => true,
            "no" => false,
            _ => throw new InvalidOperationException($"{place.HostName}: {answer.Replace("failed ", "", StringComparison.Ordinal)}"),
        };
    }

    /// <returns>Whether it has ended.</returns>
    public bool WaitForEnd(FarProcess process, int milliseconds)
    {
        using var patience = new CancellationTokenSource(milliseconds);
        try
        {
            // A line now and then: when nobody reads them any more, the loop ends by SIGPIPE.
            First(
                $"{AliveFunction}{Parameters(process)}p=$1; k=$2; alive $p $k; while [ $alive = yes ]; do echo; sleep 0.2 2>/dev/null || sleep 1; " +
                "alive $p $k; done; say ended",
                patience.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return !IsAlive(process);
        }
    }

    /// <summary>Files that a pattern of the shell names there; without one, the images in the folder that Send-ProcessImage puts them.</summary>
    public IReadOnlyList<string> Find(string? pattern, CancellationToken cancel)
    {
        var set = pattern is null
            ? "p=${XDG_STATE_HOME:-$HOME/.local/state}/procmigrate/images/*.pmi; "
            : $"{PosixShell.SetParameters([pattern])}p=$1; ";
        // With an empty IFS, $p is taken for a pattern and not cut into words. The names come back escaped, a line each.
        var script = set + "IFS=; for f in $p; do [ -f \"$f\" ] && say \"$(printf '%s' \"$f\" | od -An -v -tx1 | tr -d ' \\n')\"; done; say end";
        var files = new List<string>();
        foreach (var line in Ask(script, cancel))
        {
            if (line == "end")
                return files;
            files.Add(CString.Decode(Convert.FromHexString(line)));
        }

        return files;
    }

    private static string Parameters(FarProcess process) =>
        string.Create(CultureInfo.InvariantCulture, $"set -- {process.Id} {process.StartTicks}; ");

    private string First(string script, CancellationToken cancel) => Ask(script, cancel).First();

    /// <exception cref="RemoteException">The host cannot be reached, or broke off before it had answered.</exception>
    private IEnumerable<string> Ask(string script, CancellationToken cancel)
    {
        using var connection = SshConnection.Start(Target, FarScript.CommandLine);
        connection.EndOn(cancel);
        Write(connection, $"say() {{ printf '\\n{Marker}%s\\n' \"$1\"; }}; {script}\n");
        while (ReadLine(connection) is { } line)
        {
            if (line.StartsWith(Marker, StringComparison.Ordinal))
                yield return line[Marker.Length..];
        }

        cancel.ThrowIfCancellationRequested();
        if (connection.Silence is { } silent)
            throw silent;
        var exitCode = connection.WaitForEnd();
        if (exitCode == SshFailure.ClientFailed)
            throw SshFailure.BeforeLogin(Target, connection.Errors(), exitCode);
    }

    private static void Write(SshConnection connection, string line)
    {
        try
        {
            connection.Input.Write(Encoding.ASCII.GetBytes(line));
            connection.Input.Flush();
        }
        catch (IOException)
        {
            // ssh is gone; its end tells why.
        }
    }

    private static string? ReadLine(SshConnection connection)
    {
        try
        {
            return connection.Output.ReadLine(MaxLine);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
