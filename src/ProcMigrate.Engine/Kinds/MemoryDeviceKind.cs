using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>/dev/null, zero, full, random and urandom: devices without a state of their own.</summary>
internal sealed class MemoryDeviceKind : DescriptorKind
{
    private const uint MemoryMajor = 1;

    // Documentation/admin-guide/devices.txt: 3 null, 5 zero, 7 full, 8 random, 9 urandom.
    private static readonly uint[] Minors = [3, 5, 7, 8, 9];

    public override string Name => "memory-device";

    public static bool Is(in FileStatus status) =>
        status.Type == FileType.CharacterDevice && status.RealDeviceMajor == MemoryMajor && Minors.Contains(status.RealDeviceMinor);

    public override bool Recognises(DescriptorFacts facts) => Is(facts.Status);

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) =>
        FilePaths.Capture(
            facts.Link, facts.Status, facts.Info.Flags, facts.Info.Position, facts.Reach, facts.Process.Pid, facts.Fd, context)?.ToJson();

    public override void Check(ObjectRecord record, RestoreContext context) => FilePaths.Check(record.Id, FileState.From(record), context);

    public override bool LeavesOurTable => true;

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FileState state = FileState.From(record);
        return FilePaths.Open(record.Id, state, state.Flags, context);
    }
}
