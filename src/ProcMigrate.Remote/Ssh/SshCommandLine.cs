using System.Globalization;

namespace ProcMigrate.Remote.Ssh;

/// <summary>The arguments of the ssh client.</summary>
internal static class SshCommandLine
{
    /// <summary>
    /// What a connection of ours needs whatever the user's configuration says: no question asked, no host key taken on trust, no
    /// forwarding, no master left behind, silence noticed, and the messages that <see cref="SshFailure"/> reads.
    /// </summary>
    private static readonly string[] Fixed =
    [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ConnectTimeout=15",
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "Tunnel=no",
        "RequestTTY=no",
        "EscapeChar=none",
        "RemoteCommand=none",
        "PermitLocalCommand=no",
        "ControlMaster=no",
        "LogLevel=INFO",
    ];

    /// <summary>ssh takes the first value it sees of an option: the target's own options first, then ours, then its files.</summary>
    public static IReadOnlyList<string> Build(SshTarget target, string command)
    {
        Check(target);
        var arguments = new List<string>();
        foreach (string option in (string[])[.. target.Options, .. Fixed])
            arguments.AddRange(["-o", option]);
        if (target.ConfigFile is not null)
            arguments.AddRange(["-F", target.ConfigFile]);
        if (target.User is not null)
            arguments.AddRange(["-l", target.User]);
        if (target.Port is { } port)
            arguments.AddRange(["-p", port.ToString(CultureInfo.InvariantCulture)]);
        if (target.IdentityFile is not null)
            arguments.AddRange(["-i", target.IdentityFile]);
        arguments.AddRange(["--", target.Host, command]);
        return arguments;
    }

    /// <summary>A name that starts with a dash would be read as an option, and options of ssh can run programs.</summary>
    private static void Check(SshTarget target)
    {
        if (target.Host.Length == 0 || target.Host[0] == '-' || target.Host.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
            throw Bad(target, $"\"{target.Host}\" is not a host: a name of ~/.ssh/config or DNS, or an address is needed.");
        if (target.User is { } user && (user.Length == 0 || user[0] == '-'))
            throw Bad(target, $"\"{user}\" is not a user name.");
    }

    private static RemoteException Bad(SshTarget target, string message) => new(RemoteFailure.BadTarget, target.Host, message);
}
