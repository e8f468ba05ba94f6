using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ProcMigrate.Remote;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>--host</c> and how to log in there, in the words of the system's ssh.</summary>
internal sealed class HostOptions
{
    private readonly Option<string?> host = new("--host") { Description = "Do it on this host, over ssh", HelpName = "HOST" };
    private readonly Option<string?> user = new("--user") { Description = "Login name there", HelpName = "U" };
    private readonly Option<int?> port = new("--port") { Description = "Port of its sshd", HelpName = "N", CustomParser = ReadPort };
    private readonly Option<string?> identity = new("--identity") { Description = "File of the private key", HelpName = "KEY" };
    private readonly Option<string[]> sshOptions = new("--ssh-option")
    {
        Description = "Option in ssh_config's words, such as ProxyJump=gate; may be repeated",
        HelpName = "O",
        DefaultValueFactory = _ => [],
    };

    /// <summary>For a verb that works here or, with <c>--host</c>, there.</summary>
    public void AddTo(Command command)
    {
        command.Add(host);
        AddLoginTo(command);
        command.AddRule(result =>
        {
            var login = Login().FirstOrDefault(option => result.GetResult(option) is { Implicit: false });
            if (login is not null && !IsGiven(result))
                result.AddError($"{login.Name} says how to log in on another host: give --host too.");
        });
    }

    /// <summary>For a verb that has the host as an argument.</summary>
    public void AddLoginTo(Command command)
    {
        foreach (var option in Login())
            command.Add(option);
    }

    public bool IsGiven(CommandResult result) => result.GetResult(host) is { Implicit: false };

    /// <summary>Whether the option is spent on this side and has no meaning on the host.</summary>
    public bool Owns(Option option) => option == host || Login().Contains(option);

    /// <summary>The host, or null where the verb works here.</summary>
    public SshTarget? Read(ParseResult line) => line.GetValue(host) is { } name ? Read(line, name) : null;

    public SshTarget Read(ParseResult line, string name) => new(name)
    {
        User = line.GetValue(user),
        Port = line.GetValue(port),
        IdentityFile = line.GetValue(identity),
        Options = line.GetValue(sshOptions) ?? [],
    };

    private static int? ReadPort(ArgumentResult result)
    {
        if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= ushort.MaxValue)
            return number;
        result.AddError($"--port takes a number from 1 to 65535, not '{result.Tokens[0].Value}'.");
        return null;
    }

    private Option[] Login() => [user, port, identity, sshOptions];
}
