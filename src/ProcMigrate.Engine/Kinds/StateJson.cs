using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Kinds.Devices;
using ProcMigrate.Engine.Kinds.Sockets;
using ProcMigrate.Image.Text;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// How the states of kinds and aspects are written into the image. One context for all: each has its own code for every int,
/// string and list in it, a dozen KB of the binary.
/// </summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    Converters = [typeof(NameTextConverter)],
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    IgnoreReadOnlyProperties = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(AioRingState))]
[JsonSerializable(typeof(BundledFileState))]
[JsonSerializable(typeof(ControlGroupState))]
[JsonSerializable(typeof(ControllingTerminalState))]
[JsonSerializable(typeof(DeletedFileState))]
[JsonSerializable(typeof(DeviceState))]
[JsonSerializable(typeof(EventFdState))]
[JsonSerializable(typeof(EventPollState))]
[JsonSerializable(typeof(FanotifyState))]
[JsonSerializable(typeof(FifoState))]
[JsonSerializable(typeof(List<FileLockState>))]
[JsonSerializable(typeof(FileState))]
[JsonSerializable(typeof(InotifyState))]
[JsonSerializable(typeof(InternetSocketState))]
[JsonSerializable(typeof(MemoryFileState))]
[JsonSerializable(typeof(MemorySettings))]
[JsonSerializable(typeof(MessageQueueState))]
[JsonSerializable(typeof(NamespaceState))]
[JsonSerializable(typeof(NetlinkSocketState))]
[JsonSerializable(typeof(PacketSocketState))]
[JsonSerializable(typeof(PidFdState))]
[JsonSerializable(typeof(PipeBufferState))]
[JsonSerializable(typeof(PipeEndState))]
[JsonSerializable(typeof(List<PosixTimerState>))]
[JsonSerializable(typeof(PtyMasterState))]
[JsonSerializable(typeof(SeccompState))]
[JsonSerializable(typeof(SharedMemoryState))]
[JsonSerializable(typeof(SignalFdState))]
[JsonSerializable(typeof(SoundState))]
[JsonSerializable(typeof(StandardStreamState))]
[JsonSerializable(typeof(List<SyscallDispatchState>))]
[JsonSerializable(typeof(SysvMemoryState))]
[JsonSerializable(typeof(SysvQueueState))]
[JsonSerializable(typeof(TerminalState))]
[JsonSerializable(typeof(TimerFdState))]
[JsonSerializable(typeof(TunState))]
[JsonSerializable(typeof(UnixSocketState))]
internal sealed partial class StateJson : JsonSerializerContext;
