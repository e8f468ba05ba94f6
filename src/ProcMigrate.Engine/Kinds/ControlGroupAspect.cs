using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Control groups (cgroups(7), both versions) that a process and its threads are members of. Where the group exists here the
/// restored ones join it; where not, that is told: the groups themselves belong to
/// the host's administrator (but see <see cref="ControlGroupMounts"/>).
/// </summary>
internal sealed class ControlGroupAspect : ProcessAspect
{
    public override string Name => "cgroups";

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        string[] groups = Groups($"/proc/{process.Pid}/cgroup");
        var threads = new Dictionary<string, IReadOnlyList<string>>();
        foreach (TracedThread thread in process.Threads.Skip(1))
        {
            string[] own = Groups($"/proc/{process.Pid}/task/{thread.Tid}/cgroup");
            if (!own.SequenceEqual(groups))
                threads.Add(thread.Tid.ToString(CultureInfo.InvariantCulture), own);
        }
        var state = new ControlGroupState { Groups = groups, Threads = threads };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.ControlGroupState);
    }

    /// <summary>A process that joins a frozen group stands still before it is complete.</summary>
    public override void Check(JsonElement state, ProcessRecord process, RestoreContext context)
    {
        var frozen = context.Shared("frozen-groups", () => new FrozenGroups());
        ControlGroupState groups = Parse(state, process);
        foreach (string group in groups.Groups.Concat(groups.Threads.Values.SelectMany(g => g)))
        {
            if (frozen.Find(group) is { } folder && context.Shared("frozen-groups-told", () => new HashSet<string>()).Add(folder))
                context.Block(FrozenGroups.Describe(folder, null, "the program is a member of it, and would stand still in it before it is restored"));
        }
    }

    public override void RestoreBeforeCredentials(JsonElement state, ProcessInMaking process)
    {
        ControlGroupState groups = Parse(state, process.Record);
        ControlGroupMounts mounts = process.Context.Shared("control-groups", () => new ControlGroupMounts(process.Context));
        int pid = process.Record.Pid;
        mounts.Join(Groups($"/proc/{pid}/cgroup"), groups.Groups, pid, thread: false);
        foreach ((string tid, IReadOnlyList<string> own) in groups.Threads)
            mounts.Join(Groups($"/proc/{pid}/task/{tid}/cgroup"), own, int.Parse(tid, CultureInfo.InvariantCulture), thread: true);
    }

    private ControlGroupState Parse(JsonElement state, ProcessRecord process)
    {
        try
        {
            return state.Deserialize(StateJson.Default.ControlGroupState) ?? throw RestoreContext.Damaged("cgroups without a state");
        }
        catch (JsonException e)
        {
            throw RestoreContext.Damaged($"{Name} of process {process.Pid}: {e.Message}");
        }
    }

    /// <summary>Lines of /proc/PID/cgroup without their first number, which is another on each host: <c>cpu,cpuacct:/a/b</c>.</summary>
    private static string[] Groups(string path) =>
        [.. FileCalls.ReadText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..])];
}

/// <summary>Controllers and path of each hierarchy, as <c>cpu,cpuacct:/a/b</c>; version 2 has no controllers there. Threads: by id, where they differ.</summary>
internal sealed record ControlGroupState
{
    public required IReadOnlyList<string> Groups { get; init; }
    public required Dictionary<string, IReadOnlyList<string>> Threads { get; init; }
}
