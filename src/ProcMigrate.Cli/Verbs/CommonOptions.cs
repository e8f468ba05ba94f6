using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Verbs;

/// <summary>Options and arguments that several verbs share, with errors in words.</summary>
internal static class CommonOptions
{
    /// <summary>On every verb.</summary>
    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "One JSON object per line on stdout, for programs",
        Recursive = true,
    };

    public static Argument<string> ImageFile(string description = "The image") => new("FILE") { Description = description };

    public static Option<bool> Force(string description) => new("--force") { Description = description };

    public static Argument<int[]> Pids() => new("PID")
    {
        Description = "The root of the tree to save",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = ReadPids,
    };

    public static int[] ReadPids(ArgumentResult result)
    {
        var pids = new int[result.Tokens.Count];
        for (var index = 0; index < pids.Length; index++)
            pids[index] = ReadPid(result.Tokens[index].Value, result);
        return pids;
    }

    public static Option<int?> Pid(string description) => new("--pid")
    {
        Description = description,
        HelpName = "N",
        CustomParser = result => ReadPid(result.Tokens[0].Value, result),
    };

    public static Option<string?> Terminal(string description) => new("--terminal") { Description = description, HelpName = "inherit|null|PATH" };

    public static Option<TcpPolicy> Tcp() => new("--tcp")
    {
        Description = "TCP connections to the outside: refuse them (default), close them, or migrate them",
        HelpName = "refuse|close|migrate",
        CustomParser = result =>
        {
            switch (result.Tokens[0].Value)
            {
                case "refuse": return TcpPolicy.Refuse;
                case "close": return TcpPolicy.Close;
                case "migrate": return TcpPolicy.Migrate;
                default:
                    result.AddError($"--tcp takes refuse, close or migrate, not '{result.Tokens[0].Value}'.");
                    return default;
            }
        },
    };

    public static bool TryReadPid(string text, out int pid) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out pid) && pid > 0;

    public static int ReadPid(string text, SymbolResult result)
    {
        if (!TryReadPid(text, out var pid))
            result.AddError($"'{text}' is no pid: a number of 1 or more is expected, as ps shows it.");
        return pid;
    }
}
