namespace ProcMigrate.Remote;

/// <summary>Why a host could not do what was asked. The names are the stable ids of the errors.</summary>
public enum RemoteFailure
{
    /// <summary>The host or user is not a name at all.</summary>
    BadTarget,

    /// <summary>The variable that says how long a host may be silent holds no such time.</summary>
    BadPatience,

    /// <summary>No ssh client on this machine.</summary>
    SshMissing,

    /// <summary>The host's name does not resolve.</summary>
    UnknownHost,

    /// <summary>Nobody listens on the port.</summary>
    ConnectionRefused,

    /// <summary>No route, or no answer in time.</summary>
    HostUnreachable,

    /// <summary>The host's key is not in known_hosts.</summary>
    HostKeyUnknown,

    /// <summary>The host's key is another than the one in known_hosts.</summary>
    HostKeyChanged,

    /// <summary>The host accepted none of our keys.</summary>
    KeyRefused,

    /// <summary>The connection broke after login.</summary>
    ConnectionCut,

    /// <summary>The host is connected, and showed no sign of life for too long.</summary>
    HostSilent,

    /// <summary>ssh failed in some other way; its own words are in the message.</summary>
    SshFailed,

    /// <summary>There is no executable that could be put on a host.</summary>
    ExecutableMissing,

    /// <summary>The host's processor or system is not the one the executable was made for.</summary>
    WrongArchitecture,

    /// <summary>The executable could not be put on the host, or does not run there.</summary>
    DeploymentFailed,

    /// <summary>No room for the image or the executable on the host.</summary>
    NoSpace,

    /// <summary>Another file has the name there; nothing is overwritten.</summary>
    NameTaken,

    /// <summary>The target folder on the host is missing or not writable.</summary>
    TargetUnusable,

    /// <summary>The host read the image and found it damaged or of an unknown version.</summary>
    ImageRejected,

    /// <summary>The two sides do not understand each other.</summary>
    ProtocolError,

    /// <summary>The executable on the host ended without a result.</summary>
    FarSideFailed,

    /// <summary>It is not known whether a migrated tree runs on the host; it is stopped here.</summary>
    Unsettled,
}
