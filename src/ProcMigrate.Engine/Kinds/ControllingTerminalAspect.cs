using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Terminals;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// The controlling terminal of a process. It is inherited at birth, so <see cref="SessionTerminals"/> gives it to the
/// leader of a session before the others of the session are born.
/// </summary>
internal sealed class ControllingTerminalAspect : ProcessAspect
{
    public const string AspectName = "controlling-terminal";

    public override string Name => AspectName;

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        if (process.Stat.Terminal == 0)
            return null;
        DeviceNumber device = DeviceNumber.Decode((uint)process.Stat.Terminal);
        var state = new ControllingTerminalState
        {
            Device = device.ToString(),
            Pty = device.PtyNumber,
            ForegroundGroup = process.Stat.TerminalForegroundGroup,
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.ControllingTerminalState);
    }

    public static ControllingTerminalState? Of(ProcessRecord process)
    {
        if (!process.Aspects.TryGetValue(AspectName, out JsonElement json))
            return null;
        try
        {
            return json.Deserialize(StateJson.Default.ControllingTerminalState);
        }
        catch (JsonException e)
        {
            throw RestoreContext.Damaged($"{AspectName} of process {process.Pid}: {e.Message}");
        }
    }
}

/// <summary>Pty is N of /dev/pts/N, or null for other terminals; ForegroundGroup is -1 where there is none.</summary>
internal sealed record ControllingTerminalState
{
    public required string Device { get; init; }
    public int? Pty { get; init; }
    public required int ForegroundGroup { get; init; }
}
