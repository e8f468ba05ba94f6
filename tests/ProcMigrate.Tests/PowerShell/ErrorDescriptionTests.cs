using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class ErrorDescriptionTests
{
    [Fact]
    public void BlockersOfOneId_AreOneError()
    {
        var errors = ErrorDescription.From(Error("Blocked", 3) with
        {
            Blockers =
            [
                new("NetworkConnection", 4711, 7, "tcp a:1", "the peer would see it", "close it"),
                new("FileMissing", null, null, "/x", "it is not there", "copy it"),
                new("NetworkConnection", 4711, 8, "tcp b:2", "the peer would see it", "close it"),
            ],
        });
        Assert.Equal(2, errors.Count);
        Assert.Equal("NetworkConnection", errors[0].Id);
        Assert.Equal("tcp a:1 (pid 4711, fd 7); tcp b:2 (pid 4711, fd 8): the peer would see it", errors[0].Message);
        Assert.Equal("close it", errors[0].RecommendedAction);
        Assert.Equal([7, 8], errors[0].Blockers.Select(blocker => blocker.Descriptor));
        Assert.Equal(ErrorKind.InvalidOperation, errors[0].Kind);
        Assert.Equal("/x: it is not there", errors[1].Message);
        Assert.Equal(ErrorKind.ObjectNotFound, errors[1].Kind);
    }

    [Fact]
    public void OtherErrors_KeepIdAndMessage()
    {
        var error = Assert.Single(ErrorDescription.From(Error("NoSuchProcess", 1)));
        Assert.Equal("NoSuchProcess", error.Id);
        Assert.Equal("words", error.Message);
        Assert.Equal(1, error.ExitCode);
        Assert.Contains("Get-Process", error.RecommendedAction, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_IsNamed() =>
        Assert.Equal("n2: words", Assert.Single(ErrorDescription.From(Error("PidInUse", 3) with { Host = "n2" })).Message);

    [Theory]
    [InlineData("Usage", 2, "InvalidArgument")]
    [InlineData("ImageDamaged", 4, "InvalidData")]
    [InlineData("ConnectionCut", 5, "ConnectionError")]
    [InlineData("KeyRefused", 5, "AuthenticationError")]
    [InlineData("HostKeyChanged", 5, "SecurityError")]
    [InlineData("PrivilegeMissing", 6, "PermissionDenied")]
    [InlineData("ImageNoSpace", 1, "ResourceUnavailable")]
    [InlineData("ImageExists", 1, "ResourceExists")]
    [InlineData("Interrupted", 130, "OperationStopped")]
    [InlineData("HostUnreachable", 5, "OperationTimeout")]
    [InlineData("Unstoppable", 3, "OperationTimeout")]
    [InlineData("IoUring", 3, "NotImplemented")]
    [InlineData("ABlockerOfTomorrow", 3, "NotImplemented")]
    [InlineData("Traced", 3, "ResourceBusy")]
    [InlineData("UnixNameTaken", 3, "ResourceExists")]
    [InlineData("Unexpected", 1, "NotSpecified")]
    public void EveryFailure_HasItsCategory(string id, int exitCode, string kind) =>
        Assert.Equal(kind, Assert.Single(ErrorDescription.From(Error(id, exitCode))).Kind.ToString());

    private static Answer Error(string id, int exitCode) => new() { Event = "error", Id = id, Message = "words", ExitCode = exitCode, Blockers = [] };
}
