namespace ProcMigrate.Cli.Output;

/// <summary>A verb's own way to tell people its result.</summary>
internal interface IResultText
{
    void Write(VerbResult result, TextWriter output);
}
