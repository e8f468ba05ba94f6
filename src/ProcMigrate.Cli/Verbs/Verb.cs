using System.CommandLine;
using ProcMigrate.Cli.Output;

namespace ProcMigrate.Cli.Verbs;

/// <summary>One verb of the command line: its options, its call of the engine, its words for people.</summary>
internal abstract class Verb : IResultText
{
    protected Verb(string name, string description) => Command = new Command(name, description);

    public Command Command { get; }

    public string Name => Command.Name;

    /// <summary>True where stdout is a conversation with another program, which neither text nor JSON may break into.</summary>
    public virtual bool SpeaksOnStandardOutput => false;

    /// <summary>True where the verb only looks, or what it begins elsewhere ends with this process: it can be left at any point.</summary>
    public virtual bool HasNothingToUndo(ParseResult line) => false;

    /// <summary>Does the work. Every failure is an exception; the caller turns it into words and an exit code.</summary>
    public abstract VerbOutcome Execute(ParseResult line, VerbContext context);

    public abstract void Write(VerbResult result, TextWriter output);

    /// <summary>Puts an error into this verb's words, where those of whoever raised it would mislead.</summary>
    public virtual ErrorEvent Reword(ErrorEvent error, ParseResult line) => error;
}
