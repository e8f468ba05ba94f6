using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Devices;

/// <summary>
/// What makes one sort of device movable: asking it for all that the program has set, and setting it again on the device of
/// the same path here. docs/devices.md tells how to add one.
/// </summary>
internal abstract class DeviceAdapter
{
    /// <summary>Stable name in the image.</summary>
    public abstract string Name { get; }

    public abstract bool Recognises(DescriptorFacts facts);

    /// <summary>The state to keep; or null, with at least one blocker. Only questions: the program goes on with the device.</summary>
    /// <param name="device">The program's own open file.</param>
    public abstract JsonElement? Capture(Descriptor device, DescriptorFacts facts, SaveContext context);

    /// <summary>Reports what stands against it here, before anything is made. Changes nothing.</summary>
    public virtual void Check(string path, JsonElement state, RestoreContext context)
    {
    }

    /// <summary>Gives the device, just opened, the state kept. A device that answers with another is an exception, never accepted.</summary>
    public abstract void Apply(Descriptor device, string path, JsonElement state, RestoreContext context);
}
