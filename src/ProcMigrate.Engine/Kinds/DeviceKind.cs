using System.Text.Json;
using ProcMigrate.Engine.Kinds.Devices;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>A device that an adapter knows. All others are blockers (<see cref="UnsupportedDescriptor"/>).</summary>
internal sealed class DeviceKind : DescriptorKind
{
    public override string Name => "device";

    public override bool Recognises(DescriptorFacts facts) =>
        (facts.Info.Flags & OpenFlags.O_PATH) == 0 && AdapterOf(facts) is not null;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        DeviceAdapter adapter = AdapterOf(facts)!;
        if (adapter.Capture(facts.Ours, facts, context) is not { } state)
            return null;
        var device = new DeviceState { Adapter = adapter.Name, Path = facts.Link, Flags = facts.Info.Flags, State = state };
        return JsonSerializer.SerializeToElement(device, StateJson.Default.DeviceState);
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        DeviceState device = RestoreContext.Parse(record, StateJson.Default.DeviceState);
        if (FileStatus.TryOfPath(device.Path) is null)
        {
            context.Block(new Blocker(
                "DeviceMissing", null, null, device.Path, "the program uses this device, and it is not here or cannot be reached",
                "load its driver, or restore on a host that has it"));
            return;
        }
        AdapterNamed(device.Adapter).Check(device.Path, device.State, context);
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        const OpenFlags Opening = OpenFlags.O_ACCMODE | OpenFlags.O_NONBLOCK | OpenFlags.O_LARGEFILE;
        DeviceState device = RestoreContext.Parse(record, StateJson.Default.DeviceState);
        // Without waiting for a device that is busy: the check has found it free, and who was faster wins.
        Descriptor file = FileCalls.Open(device.Path, (device.Flags & Opening) | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);
        try
        {
            AdapterNamed(device.Adapter).Apply(file, device.Path, device.State, context);
            FileCalls.SetFlags(file, device.Flags);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static DeviceAdapter? AdapterOf(DescriptorFacts facts) => DeviceAdapters.All.FirstOrDefault(a => a.Recognises(facts));

    private static DeviceAdapter AdapterNamed(string name) =>
        DeviceAdapters.All.FirstOrDefault(a => a.Name == name) ?? throw new EngineException(
            "UnknownKind", FailureClass.ImageUnreadable, $"The image holds a device of kind '{name}', which this version does not know.");
}

/// <summary>An open device; State belongs to its adapter.</summary>
internal sealed record DeviceState : OpenState
{
    public required string Adapter { get; init; }
    public required string Path { get; init; }
    public required JsonElement State { get; init; }
}
