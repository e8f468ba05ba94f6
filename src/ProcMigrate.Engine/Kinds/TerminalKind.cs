using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Terminals;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A terminal as programs see it: the slave of a pty, a virtual console, /dev/tty. Where its master is in the tree, it is
/// part of the program and made again. Else it lies outside and does not move: the restored program gets what --terminal
/// (of standard streams, --stdio) says.
/// </summary>
internal sealed class TerminalKind : DescriptorKind
{
    public const string KindName = "terminal";
    private const int HighestStandard = 2;

    // Documentation/admin-guide/devices.txt: 4 consoles (0-63) and serial lines, 5 /dev/tty (0) and console (1).
    private const uint ConsoleMajor = 4;
    private const uint FirstSerialMinor = 64;
    private const uint TtyAuxMajor = 5;
    private const uint ConsoleMinor = 1;
    private const byte N_TTY = 0;

    public override string Name => KindName;

    public override bool Recognises(DescriptorFacts facts)
    {
        if (facts.Status.Type != FileType.CharacterDevice || (facts.Info.Flags & OpenFlags.O_PATH) != 0)
            return false;
        var device = new DeviceNumber(facts.Status.RealDeviceMajor, facts.Status.RealDeviceMinor);
        return device.PtyNumber is not null
            || device is { Major: TtyAuxMajor, Minor: <= ConsoleMinor }
            || device is { Major: ConsoleMajor, Minor: < FirstSerialMinor }
            // A serial line that somebody is logged in on is a terminal; any other is a device with something at its end.
            || device == DeviceNumber.Decode((uint)facts.Process.Stat.Terminal);
    }

    public static bool HasUsualDiscipline(TerminalSettings settings, DescriptorFacts facts, SaveContext context)
    {
        if (settings.Discipline == N_TTY)
            return true;
        context.Block(new Blocker(
            "LineDiscipline", facts.Process.Pid, facts.Fd, $"{facts.Link}: line discipline {settings.Discipline}",
            "the line is not used as a terminal but by a driver on top of it (SLIP, PPP, GSM …), whose state stays in the kernel",
            "end that use before the save"));
        return false;
    }

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        DeviceNumber? device = TerminalCalls.GetDevice(facts.Ours);
        TerminalSettings? settings = device is null ? null : TerminalSettings.Of(facts.Ours);
        if (settings is not null && !HasUsualDiscipline(settings, facts, context))
            return null;
        int? pty = device?.PtyNumber;
        if (pty is { } number && context.PtyNumbers.Contains(number) && TerminalCalls.Readable(facts.Ours) is var unread and > 0)
        {
            context.BlockForNow(new Blocker(
                "TerminalInputPending", facts.Process.Pid, facts.Fd, $"{facts.Link}: {unread} bytes typed ahead",
                "no program has read them yet, and to read them in its place would take them from it",
                "let the program read its input, then save again"));
        }
        var state = new TerminalState
        {
            Path = facts.Link,
            Device = device?.ToString(),
            Pty = pty,
            Flags = facts.Info.Flags,
            Console = IsConsole(facts),
            Stream = facts.Fd <= HighestStandard ? facts.Fd : null,
            Exclusive = device is not null && TerminalCalls.GetExclusive(facts.Ours),
            Settings = settings,
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.TerminalState);
    }

    /// <summary>/dev/console, or a virtual console that is not the terminal of the session: a display server's, say.</summary>
    private static bool IsConsole(DescriptorFacts facts)
    {
        var device = new DeviceNumber(facts.Status.RealDeviceMajor, facts.Status.RealDeviceMinor);
        return device is { Major: TtyAuxMajor, Minor: ConsoleMinor }
            || (device.Major == ConsoleMajor && device != DeviceNumber.Decode((uint)facts.Process.Stat.Terminal));
    }

    /// <summary>Consoles are every machine's own: who has one open beside its standard streams means that, not a terminal that it was started on.</summary>
    private static bool IsConsoleOfTheSystem(ObjectRecord record, TerminalState state) =>
        state is { Console: true, Stream: null }
        && FileStatus.TryOfPath(record.Title) is { Type: FileType.CharacterDevice, RealDeviceMajor: TtyAuxMajor or ConsoleMajor } here
        && (here is { RealDeviceMajor: TtyAuxMajor, RealDeviceMinor: ConsoleMinor }
            || new DeviceNumber(here.RealDeviceMajor, here.RealDeviceMinor).ToString() == state.Device);

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        TerminalState state = TerminalState.From(record);
        if (state.Device is null)
            return Terminals.OpenHungUp(state.Flags);
        if (IsConsoleOfTheSystem(record, state))
            return FileCalls.Open(record.Title, state.Flags & (OpenFlags.O_ACCMODE | OpenFlags.O_LARGEFILE) | OpenFlags.O_NOCTTY);
        if (state.Pty is not { } number || context.Terminals.Pty(number) is not { } pty)
            return context.Terminals.Outside.Open(record, state);
        Descriptor slave = context.Terminals.TakeControlling(record.Id) ?? pty.OpenSlave(state.Flags);
        FileCalls.SetFlags(slave, state.Flags);
        if (state.Exclusive)
            TerminalCalls.SetExclusive(slave);
        return slave;
    }
}

/// <summary>An open terminal.</summary>
/// <remarks>
/// Device is null where it had hung up; Pty is N of /dev/pts/N, or null for other terminals; Stream is 0, 1 or 2 where the
/// descriptor that it was found by is a standard stream; Console: /dev/console, or a virtual console beside
/// the terminal of the session.
/// </remarks>
internal sealed record TerminalState : OpenState
{
    public required string Path { get; init; }
    public string? Device { get; init; }
    public int? Pty { get; init; }
    public int? Stream { get; init; }
    public bool Console { get; init; }
    public required bool Exclusive { get; init; }
    public TerminalSettings? Settings { get; init; }

    public static TerminalState From(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.TerminalState);
}
