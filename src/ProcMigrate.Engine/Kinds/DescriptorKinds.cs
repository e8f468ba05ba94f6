using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Kinds.Sockets;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Kinds;

/// <summary>Every kind of open file that is known, in the order in which they are asked.</summary>
internal static class DescriptorKinds
{
    private static readonly DescriptorKind[] All =
    [
        new PathOnlyKind(),
        new ProcFileKind(),
        new NamespaceFileKind(),
        new MessageQueueKind(),
        new PtyMasterKind(),
        new TerminalKind(),
        new DeviceKind(),
        new StandardStreamKind(),
        new MemoryDeviceKind(),
        new MemoryFileKind(),
        new PipeEndKind(),
        new FifoKind(),
        new EventFdKind(),
        new TimerFdKind(),
        new SignalFdKind(),
        new EventPollKind(),
        new InotifyKind(),
        new FanotifyKind(),
        new PidFdKind(),
        new FolderKind(),
        new RegularFileKind(),
        new DeletedFileKind(),
        new SysvMemoryKind(),
        new SysvQueueKind(),
        new AioRingKind(),
        new UnixSocketKind(),
        new TcpSocketKind(),
        new DatagramSocketKind(),
        new NetlinkSocketKind(),
        new PacketSocketKind(),
    ];

    /// <summary>Objects behind open files, which no descriptor refers to itself.</summary>
    private static readonly string[] Behind =
    [
        SharedMemory.KindName,
        PipeBuffer.KindName,
        BundledFileState.KindName,
    ];

    public static bool IsOpenFile(string kind) => !Behind.Contains(kind);

    /// <returns>Null where no kind knows it: then it is a blocker.</returns>
    public static DescriptorKind? Recognise(DescriptorFacts facts) => Array.Find(All, k => k.Recognises(facts));

    /// <returns>Null for a kind of a newer version.</returns>
    public static DescriptorKind? Named(string name) => Array.Find(All, k => k.Name == name);

    public static DescriptorKind Of(ObjectRecord record) =>
        Named(record.Kind) ?? throw new EngineException(
            "UnknownKind", FailureClass.ImageUnreadable,
            $"The image holds an object of kind '{record.Kind}' ({record.Title}), which this version does not know.");
}
