using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Terminals;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// The master of a pty. It carries all that the pair has, since on a master most calls speak of the slave; slaves
/// (<see cref="TerminalKind"/>) refer to it by the pair's number.
/// </summary>
internal sealed class PtyMasterKind : DescriptorKind
{
    public const string KindName = "pty-master";
    private const uint TtyAuxMajor = 5;
    private const uint PtmxMinor = 2;

    public override string Name => KindName;

    public override bool Recognises(DescriptorFacts facts) =>
        facts.Status is { Type: FileType.CharacterDevice, RealDeviceMajor: TtyAuxMajor, RealDeviceMinor: PtmxMinor }
        && (facts.Info.Flags & OpenFlags.O_PATH) == 0;

    /// <summary>Numbers of the ptys whose masters the frozen processes hold.</summary>
    public static HashSet<int> NumbersIn(IReadOnlyList<TracedProcess> processes)
    {
        const string Field = "tty-index:";
        var numbers = new HashSet<int>();
        foreach (TracedProcess process in processes)
        {
            foreach (int fd in ProcFolders.Descriptors(process.Pid))
            {
                if (!FileCalls.ReadLink($"/proc/{process.Pid}/fd/{fd}").EndsWith("ptmx", StringComparison.Ordinal))
                    continue;
                foreach (string line in DescriptorInfo.Of(process.Pid, fd).Lines)
                {
                    if (line.StartsWith(Field, StringComparison.Ordinal))
                        numbers.Add(int.Parse(line.AsSpan(Field.Length), CultureInfo.InvariantCulture));
                }
            }
        }
        return numbers;
    }

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        Descriptor master = facts.Ours;
        int number = TerminalCalls.GetPtyNumber(master);
        TerminalSettings settings = TerminalSettings.Of(master);
        if (!TerminalKind.HasUsualDiscipline(settings, facts, context))
            return null;
        if (TerminalCalls.Readable(master) is var unread and > 0)
        {
            context.BlockForNow(new Blocker(
                "TerminalOutputPending", facts.Process.Pid, facts.Fd, $"pty {number}: {unread} bytes written to /dev/pts/{number}",
                "who holds the master has not read them yet, and to read them in its place would take them from it",
                "let it read them (stop what writes so much), then save again"));
        }
        FileStatus? node = FileStatus.TryOfPath($"/dev/pts/{number}");
        return JsonSerializer.SerializeToElement(
            new PtyMasterState
            {
                Number = number,
                Path = facts.Link,
                Flags = facts.Info.Flags,
                Settings = settings,
                LockedSettings = TerminalCalls.GetLockedSettings(master),
                Locked = TerminalCalls.GetPtyLock(master),
                Packet = TerminalCalls.GetPacketMode(master),
                Exclusive = TerminalCalls.GetExclusive(master),
                SlaveClosed = Polling.HasHungUp(master),
                Mode = node?.Mode ?? PtyMasterState.DefaultMode,
                Uid = node?.Uid ?? 0,
                Gid = node?.Gid ?? 0,
            },
            StateJson.Default.PtyMasterState);
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        string path = PtyMasterState.From(record).Path;
        if (FileStatus.TryOfPath(path) is not { Type: FileType.CharacterDevice })
        {
            context.Block(new Blocker(
                "NoPtys", null, null, path, "the program has ptys of its own, and there is no device to make them with here",
                "mount devpts (mount -t devpts devpts /dev/pts) and see to /dev/ptmx"));
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        PtyMasterState state = PtyMasterState.From(record);
        Descriptor master = Descriptor.Duplicate(context.Terminals.Pty(state.Number)!.Master.Number);
        FileCalls.SetFlags(master, state.Flags);
        return master;
    }
}

/// <summary>A pair of pty devices, seen from its master.</summary>
internal sealed record PtyMasterState : OpenState
{
    /// <summary>crw--w----, as devpts makes them with gid=5,mode=620.</summary>
    public const int DefaultMode = 0x190;

    public required int Number { get; init; }
    public required string Path { get; init; }
    public required TerminalSettings Settings { get; init; }
    public required byte[] LockedSettings { get; init; }

    /// <summary>grantpt and unlockpt are still to come: the slave cannot be opened.</summary>
    public required bool Locked { get; init; }
    public required bool Packet { get; init; }
    public required bool Exclusive { get; init; }

    /// <summary>All slaves were closed: reading gives EIO. Before the first was opened it would wait.</summary>
    public required bool SlaveClosed { get; init; }
    public required int Mode { get; init; }
    public required uint Uid { get; init; }
    public required uint Gid { get; init; }

    public static PtyMasterState From(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.PtyMasterState);
}
