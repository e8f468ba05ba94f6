using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Remote;

namespace ProcMigrate.Cli.Hosting;

/// <summary>What every exception is called, and the exit code it ends in.</summary>
internal static class Failure
{
    public const string Interrupted = "Interrupted";

    public static ErrorEvent Describe(Exception failure, int interruptedExitCode) => failure switch
    {
        // What went wrong there, and not where it happened to be met with first.
        TypeInitializationException { InnerException: { } cause } => Describe(cause, interruptedExitCode),
        AggregateException { InnerExceptions: [var cause] } => Describe(cause, interruptedExitCode),
        FarSideException far => far.Error,
        EngineException engine => new(engine.Id, engine.Message, engine.Blockers, (int)engine.Failure),
        ImageException image => new(ImageId(image.Error), image.Message, [], (int)ImageClass(image)),
        RemoteException remote => new(remote.Id, remote.Message, [], remote.ExitCode),
        UsageException => new("Usage", failure.Message, [], (int)FailureClass.Usage),
        UnconfirmedException => new(Interrupted, failure.Message, [], interruptedExitCode),
        OperationCanceledException => new(Interrupted, "interrupted; what was begun is undone", [], interruptedExitCode),
        LinuxException refused => new("SystemCallFailed", refused.Message, [], (int)(refused.Errno is Errno.EPERM or Errno.EACCES ? FailureClass.PrivilegeMissing : FailureClass.Failed)),
        FileNotFoundException or DirectoryNotFoundException => new("FileMissing", failure.Message, [], (int)FailureClass.Failed),
        UnauthorizedAccessException => new("AccessDenied", failure.Message, [], (int)FailureClass.PrivilegeMissing),
        IOException => new("InputOutput", failure.Message, [], (int)FailureClass.Failed),
        _ => new("Unexpected", $"unexpected {failure.GetType().Name}: {failure.Message}", [], (int)FailureClass.Failed),
    };

    private static string ImageId(ImageError error) => error == ImageError.NotAnImage ? "NotAnImage" : $"Image{error}";

    /// <summary>Only what is wrong with the image's bytes is its own fault; the rest is the place it lies at.</summary>
    private static FailureClass ImageClass(ImageException image) => image.Error switch
    {
        ImageError.CannotRead or ImageError.CannotWrite when image.Errno is Errno.EPERM or Errno.EACCES => FailureClass.PrivilegeMissing,
        ImageError.NotFound or ImageError.CannotRead or ImageError.Exists or ImageError.CannotWrite or ImageError.NoSpace =>
            FailureClass.Failed,
        _ => FailureClass.ImageUnreadable,
    };
}
