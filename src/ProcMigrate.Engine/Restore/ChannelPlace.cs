using ProcMigrate.Engine.Inject.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Where in a table of descriptors the channel to us lies; processes that share the table share this.</summary>
internal sealed class ChannelPlace
{
    public int Fd { get; set; } = RestorerCode.ChannelFd;

    /// <summary>The table holds nothing but the channel, out of the way of all numbers that will be taken.</summary>
    public bool Prepared { get; set; }

    /// <summary>For a table that began as a copy of this one.</summary>
    public ChannelPlace Copy() => new() { Fd = Fd };
}
