namespace ProcMigrate.PowerShell.Running;

/// <summary>The categories of PowerShell's errors that are used here, under its names.</summary>
internal enum ErrorKind
{
    NotSpecified,
    AuthenticationError,
    ConnectionError,
    InvalidArgument,
    InvalidData,
    InvalidOperation,
    LimitsExceeded,
    NotImplemented,
    NotInstalled,
    ObjectNotFound,
    OperationStopped,
    OperationTimeout,
    PermissionDenied,
    ResourceBusy,
    ResourceExists,
    ResourceUnavailable,
    SecurityError,
}
