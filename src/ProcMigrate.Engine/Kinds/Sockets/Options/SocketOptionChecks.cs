using System.Text;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets.Options;

/// <summary>
/// Whether a socket can be made here and have the options that the program's had: each is set on one of our own, by the calls that the restore
/// will make. What many sockets have in common is tried once.
/// </summary>
internal sealed class SocketOptionChecks(RestoreContext context)
{
    private const int ENOPROTOOPT = 92;
    private const int EADDRNOTAVAIL = 99;
    private const int TCP_CONGESTION = 13;
    private const int SIOCGIFNAME = 0x8910;

    private static readonly SocketOptionPhase[] Order =
        [SocketOptionPhase.OnlyBeforeBind, SocketOptionPhase.BeforeBind, SocketOptionPhase.AtEnd, SocketOptionPhase.Last];

    private readonly Dictionary<string, bool> _known = [];

    // What one socket lacks here all others like it do, too.
    private readonly HashSet<string> _told = [];

    /// <returns>False where something stands against it, which has been reported.</returns>
    public static bool Report(RestoreContext context, SocketSort sort, SocketSettings settings, string title) =>
        context.Shared("socket options", () => new SocketOptionChecks(context)).Report(sort, settings, title);

    /// <summary>Numbers of interfaces are this host's own.</summary>
    public static unsafe bool IsInterface(Descriptor socket, int index)
    {
        // struct ifreq: the name, then the number.
        byte* request = stackalloc byte[40];
        *(int*)(request + 16) = index;
        return RawSyscall.Try(Linux.X64.SyscallNumber.ioctl, socket.Number, SIOCGIFNAME, (nint)request) >= 0;
    }

    private bool Report(SocketSort sort, SocketSettings settings, string title)
    {
        string key = KeyOf(sort, settings);
        if (!_known.TryGetValue(key, out bool fits))
            _known[key] = fits = Try(sort, settings, title);
        return fits;
    }

    private bool Try(SocketSort sort, SocketSettings settings, string title)
    {
        Descriptor socket;
        try
        {
            socket = sort.Create(title);
        }
        catch (LinuxException e)
        {
            context.Block(new Blocker(
                "SocketRefused", null, null, title, $"this host does not make such a socket: {e.Message}", "restore as root, on a host with the same devices and protocols"));
            return false;
        }
        using (socket)
        {
            int before = context.Blockers.Count;
            foreach (SocketOptionPhase phase in Order)
            {
                foreach (SocketOptionValue wanted in settings.Options.Where(o => SocketOptionTable.PhaseOf(o) == phase))
                    Report(-(int)SocketOptionTable.TryApply(socket, wanted), wanted, title);
                if (phase == SocketOptionPhase.AtEnd && settings.Filter is { } filter)
                    TryFilter(socket, filter, title);
            }
            return context.Blockers.Count == before;
        }
    }

    private void Report(int errno, SocketOptionValue wanted, string title)
    {
        if (errno == 0 || !_told.Add($"{SocketOptionTable.LabelOf(wanted)} {Text(wanted)} {errno}"))
            return;
        string option = $"{SocketOptionTable.LabelOf(wanted)} = {Text(wanted)} of {title}";
        context.Block(errno switch
        {
            ENOPROTOOPT or Errno.EOPNOTSUPP or Errno.EINVAL => Feature(option),
            Errno.ENOENT => Feature(option) with { Remedy = "load its module (modprobe tcp_NAME for congestion control), or restore on a host with a kernel that has it" },
            Errno.EPERM or Errno.EACCES => new Blocker("SocketRefused", null, null, option, $"it wants a privilege: {Errno.Describe(errno)}", "restore as root"),
            Errno.ENODEV or Errno.ENXIO or EADDRNOTAVAIL => new Blocker(
                "SocketRefused", null, null, option, $"this host does not have the interface or address: {Errno.Describe(errno)}", "make it (ip link, ip address), or restore where it is"),
            _ => new Blocker("SocketRefused", null, null, option, $"this host refuses it: {Errno.Describe(errno)}", "restore on a host with the same kernel"),
        });
    }

    private void TryFilter(Descriptor socket, byte[] filter, string title)
    {
        if (filter.Length % 8 != 0)
            throw RestoreContext.Damaged($"the filter of {title} has {filter.Length} bytes");
        try
        {
            SocketCalls.AttachFilter(socket, filter);
        }
        catch (LinuxException e) when (e.Errno == Errno.EINVAL)
        {
            context.Block(Feature($"the packet filter of {title}"));
        }
    }

    private Blocker Feature(string what) => KernelCalls.Missing(context, null, what);

    private static string Text(SocketOptionValue wanted) => wanted switch
    {
        { Level: SOL_TCP, Name: TCP_CONGESTION } => CString.Decode(wanted.Value.AsSpan().TrimEnd((byte)0)),
        { Value.Length: sizeof(int) } => $"{BitConverter.ToInt32(wanted.Value)}",
        _ => Convert.ToHexString(wanted.Value),
    };

    /// <summary>All but the sizes of buffers, which are different from socket to socket and refused nowhere.</summary>
    private static string KeyOf(SocketSort sort, SocketSettings settings)
    {
        var key = new StringBuilder($"{sort}");
        foreach (SocketOptionValue option in settings.Options.Where(o => o is not { Level: SOL_SOCKET, Name: SO_SNDBUF or SO_RCVBUF }))
            key.Append($" {option.Level}/{option.Name}={Convert.ToHexString(option.Value)}");
        return key.Append($" {Convert.ToHexString(settings.Filter ?? [])}").ToString();
    }
}
