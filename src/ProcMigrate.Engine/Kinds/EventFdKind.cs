using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>eventfd(2): a counter.</summary>
internal sealed class EventFdKind : DescriptorKind
{
    public override string Name => "eventfd";

    public override bool Recognises(DescriptorFacts facts) => facts.Link == "anon_inode:[eventfd]";

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        // Kernels before 6.5 do not say whether it counts as a semaphore, and reading it would be the only way to know.
        if (facts.Info.TryField("eventfd-semaphore") is not { } semaphore)
        {
            semaphore = "0";
            context.WarnOnce("this kernel does not tell whether an eventfd is a semaphore; it is assumed that none is");
        }
        var state = new EventFdState
        {
            Flags = facts.Info.Flags,
            Count = ulong.Parse(facts.Info.Field("eventfd-count"), NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            Semaphore = semaphore != "0",
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.EventFdState);
    }

    public override bool LeavesOurTable => true;

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        EventFdState state = RestoreContext.Parse(record, StateJson.Default.EventFdState);
        Descriptor file = EventDescriptors.CreateEvent(state.Semaphore);
        // All ones, which only the kernel itself can reach, cannot be written.
        if (state.Count != 0)
            EventDescriptors.AddToEvent(file, Math.Min(state.Count, ulong.MaxValue - 1));
        FileCalls.SetFlags(file, state.Flags);
        return file;
    }
}

internal sealed record EventFdState : OpenState
{
    public required ulong Count { get; init; }
    public required bool Semaphore { get; init; }
}
