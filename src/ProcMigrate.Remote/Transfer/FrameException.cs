namespace ProcMigrate.Remote.Transfer;

/// <summary>The stream of frames is not what it should be.</summary>
internal sealed class FrameException(FrameFault fault, string message) : Exception(message)
{
    public FrameFault Fault { get; } = fault;
}
