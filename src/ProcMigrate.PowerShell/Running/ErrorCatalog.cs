namespace ProcMigrate.PowerShell.Running;

/// <summary>
/// The category of every id that the binary reports. An id that is not named here goes by the exit code: a refusal is then
/// something that is not carried (yet).
/// </summary>
internal static class ErrorCatalog
{
    private static readonly Dictionary<string, ErrorKind> Kinds = Build(
        (ErrorKind.ObjectNotFound,
            "NoSuchProcess FileMissing ImageNotFound UnknownHost AddressMissing DeviceMissing NoPtys UnixPeerMissing NotInImage UnreachableFile"),
        (ErrorKind.ResourceExists, "PidInUse ImageExists NameTaken AddressInUse InterfaceExists SysvIdInUse UnixNameTaken"),
        // It goes by itself: try again in a moment.
        (ErrorKind.ResourceBusy,
            "AioRing FileLockInFlight FifoContent InotifyEvents KilledSave NetlinkQueue PipeContent Traced TcpBacklogData UnixBacklogData " +
            "TcpUnsentData TcpUrgentData UnixUrgentData TerminalInputPending TerminalOutputPending UdpUnsentData SyscallUserDispatch " +
            "UnknownTimedCall FileLocked DeviceBusy FifoInUse PipeChanged"),
        (ErrorKind.PermissionDenied, "DescriptorUnreadable MappedFileUnreadable SharedMemoryUnreadable UnixSocketFile PrivilegeMissing AccessDenied"),
        // Save more of it at once, allow it by a parameter, or do it elsewhere.
        (ErrorKind.InvalidOperation,
            "NetworkConnection UnixPeerOutside PipeOutside PipeShared PidFd SignalOwner EpollTarget ProcFile SharedAddressSpace " +
            "SharedDescriptorTable SharedFolders SharedSignalActions SharedSemaphoreUndo Namespace NamespaceFile InnerNamespace " +
            "IpcNamespace SocketNamespace FileChanged KernelThread Zombie OwnAncestor LeaderGone"),
        (ErrorKind.ResourceUnavailable,
            "CpuFeature CpuState ProtectionKeys VdsoDiffers SocketRefused DeviceDiffers ImageNoSpace NoSpace"),
        (ErrorKind.LimitsExceeded, "TooManyDescriptors ImageTooLarge NoAddressSpace"),
        (ErrorKind.OperationTimeout, "Unstoppable HostUnreachable"),
        (ErrorKind.SecurityError, "HostKeyUnknown HostKeyChanged"),
        (ErrorKind.AuthenticationError, "KeyRefused"),
        (ErrorKind.OperationStopped, "Interrupted"),
        (ErrorKind.NotInstalled, "SshMissing ExecutableMissing BinaryMissing BinaryNotExecutable"),
        (ErrorKind.InvalidArgument, "BadTarget Usage NotAProcess"));

    /// <summary>The id says more than the exit code where both speak.</summary>
    public static ErrorKind KindOf(string id, int exitCode) => Kinds.TryGetValue(id, out var kind) ? kind : exitCode switch
    {
        2 => ErrorKind.InvalidArgument,
        3 => ErrorKind.NotImplemented,
        4 => ErrorKind.InvalidData,
        5 => ErrorKind.ConnectionError,
        6 => ErrorKind.PermissionDenied,
        _ => ErrorKind.NotSpecified,
    };

    /// <summary>What to do about an error that brings no remedy of its own; null: the message says it.</summary>
    public static string? ActionFor(string id, ErrorKind kind) => (id, kind) switch
    {
        ("ImageExists" or "NameTaken", _) => "Name another -DestinationPath, or remove the file that is there; Save-ProcessImage replaces it with -Force.",
        ("NoSuchProcess", _) => "Get-Process lists what runs.",
        ("ImageNotFound", _) => "Check the path; with -HostName it is one of that host.",
        ("Unexpected", _) => "This is a fault of procmigrate: set PROCMIGRATE_DEBUG=1, try again with -Debug, and report what it says.",
        ("NoAnswer", _) => "Run the command of -Verbose by hand to see what it says.",
        (_, ErrorKind.PermissionDenied) => "Run PowerShell as root, or give the binary its capabilities; Test-ProcessImageHost -Detailed tells which.",
        (_, ErrorKind.InvalidData) => "Copy or send the image again; Get-ProcessImage on the other copy tells whether that one is whole.",
        (_, ErrorKind.ConnectionError or ErrorKind.OperationTimeout or ErrorKind.AuthenticationError) =>
            "See that `ssh -o BatchMode=yes HOST true` works, with the same user, port and key.",
        (_, ErrorKind.ResourceUnavailable) => "Make room, or choose another place with -DestinationPath.",
        _ => null,
    };

    private static Dictionary<string, ErrorKind> Build(params (ErrorKind Kind, string Ids)[] rows) =>
        rows.SelectMany(row => row.Ids.Split(' ').Select(id => (id, row.Kind))).ToDictionary(row => row.id, row => row.Kind);
}
