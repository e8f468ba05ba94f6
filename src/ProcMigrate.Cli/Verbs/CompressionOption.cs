using System.CommandLine;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>--compress</c>.</summary>
internal static class CompressionOption
{
    public const string OfSending = "Compress what is sent: auto (default) measures all the time what is faster";

    /// <param name="auto">Whether it may be left to measuring, and is unless said otherwise.</param>
    public static Option<Compression> Create(string description, bool auto) => new("--compress")
    {
        Description = description,
        HelpName = auto ? "auto|lz4|none" : "lz4|none",
        DefaultValueFactory = _ => auto ? Compression.Auto : Compression.None,
        CustomParser = result =>
        {
            switch (result.Tokens[0].Value)
            {
                case "auto" when auto: return Compression.Auto;
                case "lz4": return Compression.Lz4;
                case "none": return Compression.None;
                default:
                    result.AddError($"--compress takes {(auto ? "auto, " : "")}lz4 or none, not '{result.Tokens[0].Value}'.");
                    return default;
            }
        },
    };
}
