using System.Text.Json.Serialization;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>What the state of every open file has: the flags that it was opened with, and those set since.</summary>
internal abstract record OpenState
{
    internal OpenFlags Flags { get; set; }

    [JsonRequired]
    [JsonPropertyName("flags")]
    public string FlagsWord
    {
        get => Flags.ToString();
        init => Flags = (OpenFlags)Word.ParseFlags(typeof(OpenFlags), value);
    }
}
