using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>signalfd(2): a mask. Which process's signals it reads is always the reader's affair.</summary>
internal sealed class SignalFdKind : DescriptorKind
{
    public override string Name => "signalfd";

    public override bool Recognises(DescriptorFacts facts) => facts.Link == "anon_inode:[signalfd]";

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        var state = new SignalFdState
        {
            Flags = facts.Info.Flags,
            Mask = ulong.Parse(facts.Info.Field("sigmask"), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.SignalFdState);
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        SignalFdState state = RestoreContext.Parse(record, StateJson.Default.SignalFdState);
        Descriptor file = EventDescriptors.CreateSignal(state.Mask);
        FileCalls.SetFlags(file, state.Flags);
        return file;
    }
}

internal sealed record SignalFdState : OpenState
{
    public required ulong Mask { get; init; }
}
