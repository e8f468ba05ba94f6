using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>A regular file, whether it still has its name or not.</summary>
internal sealed class RegularFileKind : DescriptorKind
{
    public const string KindName = "file";

    public override string Name => KindName;

    // memfd_secret(2) makes what looks like a deleted file of this name; nobody but the program can read it.
    private const string SecretMemory = "/secretmem (deleted)";

    public override bool Recognises(DescriptorFacts facts) => facts.Status.Type == FileType.Regular && facts.Link != SecretMemory;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) =>
        FilePaths.Capture(
            facts.Link, facts.Status, facts.Info.Flags, facts.Info.Position, facts.Reach, facts.Process.Pid, facts.Fd, context)?.ToJson();

    public override void Check(ObjectRecord record, RestoreContext context) => FilePaths.Check(record.Id, FileState.From(record), context);

    public override bool LeavesOurTable => true;

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FileState state = FileState.From(record);
        Descriptor file = FilePaths.Open(record.Id, state, state.Flags, context);
        FileCalls.Seek(file, state.Position);
        return file;
    }
}
