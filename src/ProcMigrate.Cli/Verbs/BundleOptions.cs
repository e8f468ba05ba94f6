using System.CommandLine;
using System.CommandLine.Parsing;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Verbs;

/// <summary>What of the tree's files goes into an image.</summary>
internal sealed class BundleOptions
{
    private readonly Option<bool> bundle = new("--bundle") { Description = "Take the files that the program uses along in the image" };
    private readonly Option<string[]> include = new("--include")
    {
        Description = "With --bundle: take this file or folder along, too; may be given several times",
        HelpName = "PATH",
    };
    private readonly Option<string[]> exclude = new("--exclude")
    {
        Description = "With --bundle: leave this file or folder out; may be given several times",
        HelpName = "PATH",
    };

    public void AddTo(Command command)
    {
        command.Add(bundle);
        command.Add(include);
        command.Add(exclude);
        command.AddRule(result =>
        {
            if (!result.GetValue(bundle) && (IsGiven(result, include) || IsGiven(result, exclude)))
                result.AddError("--include and --exclude say what goes into a bundle: give --bundle too.");
        });
    }

    public SaveOptions Apply(SaveOptions options, ParseResult line) => options with
    {
        Bundle = line.GetValue(bundle),
        Include = line.GetValue(include) ?? [],
        Exclude = line.GetValue(exclude) ?? [],
    };

    private static bool IsGiven(CommandResult result, Option option) => result.GetResult(option) is { Implicit: false };
}
