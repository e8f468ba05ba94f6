namespace ProcMigrate.Remote.Ssh;

/// <summary>
/// Reads what the ssh client says on stderr when it ends with 255. It has no other way to tell its failures apart; the
/// words are those of OpenSSH in the C locale and have been stable for many years.
/// </summary>
internal static class SshFailure
{
    /// <summary>Exit code of the client for every failure of its own.</summary>
    public const int ClientFailed = 255;

    // In this order: one failure may say several of these lines, the first of them here is the cause.
    private static readonly (string Words, RemoteFailure Reason)[] Patterns =
    [
        ("Could not resolve hostname", RemoteFailure.UnknownHost),
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", RemoteFailure.HostKeyChanged),
        ("has changed and you have requested strict checking", RemoteFailure.HostKeyChanged),
        ("host key is known for", RemoteFailure.HostKeyUnknown),
        ("Host key verification failed", RemoteFailure.HostKeyUnknown),
        ("Permission denied (", RemoteFailure.KeyRefused),
        ("Too many authentication failures", RemoteFailure.KeyRefused),
        ("Connection refused", RemoteFailure.ConnectionRefused),
        ("No route to host", RemoteFailure.HostUnreachable),
        ("Network is unreachable", RemoteFailure.HostUnreachable),
        ("Connection timed out", RemoteFailure.HostUnreachable),
        ("Operation timed out", RemoteFailure.HostUnreachable),
        ("Connection to", RemoteFailure.ConnectionCut),
        ("closed by", RemoteFailure.ConnectionCut),
        ("Connection reset", RemoteFailure.ConnectionCut),
        ("not responding", RemoteFailure.ConnectionCut),
        ("Broken pipe", RemoteFailure.ConnectionCut),
    ];

    public static RemoteFailure Classify(string stderr)
    {
        foreach (var (words, reason) in Patterns)
        {
            if (stderr.Contains(words, StringComparison.Ordinal))
                return reason;
        }
        return RemoteFailure.SshFailed;
    }

    /// <summary>A connection that failed before a command ran on the host.</summary>
    public static RemoteException BeforeLogin(SshTarget target, string stderr, int exitCode)
    {
        RemoteFailure reason = Classify(stderr);
        string host = target.DisplayName;
        string port = target.Port is { } number ? $" on port {number}" : "";
        string message = reason switch
        {
            RemoteFailure.UnknownHost =>
                $"no host is called {target.Host}: its name does not resolve. Check the spelling, ~/.ssh/config and DNS",
            RemoteFailure.HostKeyUnknown =>
                $"the key of {host} is not in known_hosts, and keys are never accepted unseen. Run `{ByHand(target)}` once, " +
                "compare the fingerprint with what the host's administrator tells you, and answer yes",
            RemoteFailure.HostKeyChanged =>
                $"{host} has another key than known_hosts says: it was installed anew, or somebody stands between. Ask its " +
                $"administrator; if the change is known, remove the old key as ssh says below, then run `{ByHand(target)}` once",
            RemoteFailure.KeyRefused =>
                $"{host} accepts none of your keys. See that `{ByHand(target, "-o BatchMode=yes")} true` works: put your public key " +
                "into authorized_keys there, load the key into ssh-agent, or name it with --identity",
            RemoteFailure.ConnectionRefused =>
                $"{host} refuses the connection{port}: no sshd listens there. Start it, or name the right port with --port",
            RemoteFailure.HostUnreachable =>
                $"{host} does not answer{port}: it is down, or a network or firewall lies between. Try `{ByHand(target)}`",
            RemoteFailure.ConnectionCut =>
                $"{host} broke off the connection{port} before the login was through. Try `{ByHand(target)}`; sshd's log there tells more",
            _ => $"ssh to {host} failed with exit code {exitCode}. Try `{ByHand(target)}`",
        };
        return new RemoteException(reason, target.Host, WithWords(message, stderr));
    }

    /// <summary>A connection that broke while the host was working for us.</summary>
    public static RemoteException Cut(SshTarget target, string what, string stderr) => new(
        RemoteFailure.ConnectionCut, target.Host,
        WithWords($"the connection to {target.DisplayName} broke {what}", stderr));

    /// <summary>A host that is connected, and says nothing.</summary>
    /// <param name="what">As in "HOST …".</param>
    public static RemoteException Silent(SshTarget target, string what, string stderr) => new(
        RemoteFailure.HostSilent, target.Host,
        WithWords($"{target.DisplayName} {what}, and is given up. If it is only slow, set {HostPatience.Variable} to more seconds", stderr));

    /// <summary>The message, and ssh's own words below it where it said any.</summary>
    public static string WithWords(string message, string stderr)
    {
        string words = FarText.Clean(stderr).Trim();
        return words.Length == 0 ? message + "." : $"{message}.\n{words}";
    }

    private static string ByHand(SshTarget target, string extra = "")
    {
        var words = new List<string> { "ssh" };
        if (extra.Length > 0)
            words.Add(extra);
        if (target.Port is { } port)
            words.Add($"-p {port}");
        words.Add(target.DisplayName);
        return string.Join(' ', words);
    }
}
