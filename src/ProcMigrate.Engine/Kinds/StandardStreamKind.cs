using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Standard output or error that leads to a pipe outside the tree. What it led to does not move; the
/// restored program gets what --stdio says.
/// </summary>
internal sealed class StandardStreamKind : DescriptorKind
{
    public const string KindName = "standard-stream";

    public override string Name => KindName;

    /// <summary>Never at first sight: which pipe leads outside shows only at the end, and <see cref="PipesSeen"/> decides it.</summary>
    public override bool Recognises(DescriptorFacts facts) => false;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) => StateOf(facts.Fd, facts.Info.Flags, facts.Link);

    public static JsonElement StateOf(int stream, OpenFlags flags, string was) => JsonSerializer.SerializeToElement(
        new StandardStreamState { Stream = stream, Flags = flags, Was = was }, StateJson.Default.StandardStreamState);

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        StandardStreamState state = RestoreContext.Parse(record, StateJson.Default.StandardStreamState);
        switch (context.Options.Stdio)
        {
            case StdioChoice.Path:
                OpenFlags access = state.Flags & OpenFlags.O_ACCMODE;
                OpenFlags create = access == OpenFlags.O_RDONLY ? 0 : OpenFlags.O_CREAT | OpenFlags.O_APPEND;
                return FileCalls.Open(context.Options.StdioPath!, access | create | OpenFlags.O_NOCTTY, 0x1a4 /* 0644 */);
            case StdioChoice.Null:
                return FileCalls.Open("/dev/null", OpenFlags.O_RDWR);
            default:
                return Descriptor.Duplicate(state.Stream);
        }
    }
}

/// <summary>A standard stream that led out of the tree.</summary>
/// <remarks>Stream is 0, 1 or 2; Was is what it led to, for people.</remarks>
internal sealed record StandardStreamState : OpenState
{
    public required int Stream { get; init; }
    public required string Was { get; init; }
}
