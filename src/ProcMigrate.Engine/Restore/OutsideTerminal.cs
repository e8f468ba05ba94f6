using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Terminals;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// What descriptors become that led to a terminal outside the tree: ours (inherit), /dev/null, or a file. Standard streams
/// follow --stdio, all others --terminal.
/// </summary>
internal sealed class OutsideTerminal(RestoreContext context) : IDisposable
{
    private const int HighestStandard = 2;
    private Descriptor? _ours;
    private bool _sought;

    /// <summary>The settings of the terminal that the program had, where it has ours now; else null.</summary>
    public TerminalSettings? Settings { get; private set; }

    /// <summary>The path of the terminal that session leaders of the tree have for their own; empty where they have none.</summary>
    public string Path { get; private set; } = "";

    /// <summary>The caller's terminal: the first of its standard streams that is one.</summary>
    public Descriptor? Ours
    {
        get
        {
            if (!_sought)
            {
                for (int fd = 0; fd <= HighestStandard && _ours is null; fd++)
                    _ours = TerminalCalls.IsTerminal(fd) ? Descriptor.Duplicate(fd) : null;
                _sought = true;
            }
            return _ours;
        }
    }

    public Descriptor Open(ObjectRecord record, TerminalState state)
    {
        bool standard = state.Stream is not null;
        (StdioChoice choice, string? path) = standard
            ? (context.Options.Stdio, context.Options.StdioPath)
            : (context.Options.Terminal, context.Options.TerminalPath);
        return choice switch
        {
            StdioChoice.Path => OpenPath(path!, state.Flags),
            StdioChoice.Null => FileCalls.Open("/dev/null", OpenFlags.O_RDWR),
            _ => Inherit(record, state),
        };
    }

    /// <summary>
    /// A session of its own cannot have the caller's controlling terminal, which belongs to the caller's session; but one that
    /// --terminal names, if that is no session's yet.
    /// </summary>
    public void Acquire(OwnedThread leader, RemoteAddress data)
    {
        if (context.Options is not { Terminal: StdioChoice.Path, TerminalPath: { } path } || !IsTerminal(path))
            return;
        Linux.Memory.ProcessMemory.WriteFast(leader.Tid, data, CString.Of(path));
        ulong fd = (ulong)leader.Call(SyscallNumber.open, path, data.Value, (ulong)(OpenFlags.O_RDWR | OpenFlags.O_NOCTTY));
        long result = leader.Try(SyscallNumber.ioctl, fd, TerminalCalls.TIOCSCTTY, 0);
        leader.Call(SyscallNumber.close, path, fd);
        if (result == -Errno.EPERM)
        {
            context.Warnings.Add($"{path} is the controlling terminal of another session: the restored one has none (no job control, no Ctrl-C)");
            return;
        }
        RawSyscall.Check(result, "ioctl(TIOCSCTTY)", path);
        Path = path;
    }

    public void Dispose() => _ours?.Dispose();

    private Descriptor Inherit(ObjectRecord record, TerminalState state)
    {
        if (Ours is { } terminal)
        {
            Settings ??= state.Settings;
            return Reopen(terminal, state.Flags);
        }
        if (state.Stream is null)
        {
            context.Warnings.Add($"{record.Title} was a terminal, and none of this command's standard streams is one: it is /dev/null now");
            return FileCalls.Open("/dev/null", OpenFlags.O_RDWR);
        }
        return Descriptor.Duplicate(StreamFor(record, state.Stream.Value));
    }

    /// <summary>
    /// An open file of the program's own: flags such as O_NONBLOCK, which it may set, must not come over the caller's shell. Who
    /// may not open the terminal (after su, say) shares the caller's.
    /// </summary>
    private static Descriptor Reopen(Descriptor terminal, OpenFlags flags)
    {
        try
        {
            Descriptor own = FileCalls.Open($"/proc/self/fd/{terminal.Number}", (flags & OpenFlags.O_ACCMODE) | OpenFlags.O_NOCTTY);
            FileCalls.SetFlags(own, flags);
            return own;
        }
        catch (LinuxException e) when (e.Errno is Errno.EACCES or Errno.EPERM or Errno.EIO or Errno.ENXIO)
        {
            return Descriptor.Duplicate(terminal.Number);
        }
    }

    /// <summary>One open file may have been input and output at once; without a terminal here, what it says counts more.</summary>
    private int StreamFor(ObjectRecord record, int found)
    {
        var streams = new HashSet<int>();
        foreach (ProcessRecord process in context.Tree.Processes)
            streams.UnionWith(process.Descriptors.Where(d => d.ObjectId == record.Id && d.Fd <= HighestStandard).Select(d => d.Fd));
        return streams.Contains(1) ? 1 : streams.Contains(2) ? 2 : found;
    }

    private static Descriptor OpenPath(string path, OpenFlags flags)
    {
        const int Mode = 0x1a4; // 0644
        OpenFlags access = flags & OpenFlags.O_ACCMODE;
        OpenFlags create = access == OpenFlags.O_RDONLY || IsTerminal(path) ? 0 : OpenFlags.O_CREAT | OpenFlags.O_APPEND;
        return FileCalls.Open(path, access | create | OpenFlags.O_NOCTTY, Mode);
    }

    private static bool IsTerminal(string path) =>
        FileStatus.TryOfPath(path) is { Type: FileType.CharacterDevice } status
        && new DeviceNumber(status.RealDeviceMajor, status.RealDeviceMinor) is { PtyNumber: not null } or { Major: 4 };
}
