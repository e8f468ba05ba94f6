using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>An open folder. Its position is the file system's own cookie, which most keep stable.</summary>
internal sealed class FolderKind : DescriptorKind
{
    public override string Name => "folder";

    public override bool Recognises(DescriptorFacts facts) => facts.Status.Type == FileType.Directory;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) =>
        FilePaths.Capture(
            facts.Link, facts.Status, facts.Info.Flags, facts.Info.Position, facts.Reach, facts.Process.Pid, facts.Fd, context)?.ToJson();

    public override void Check(ObjectRecord record, RestoreContext context) => FilePaths.Check(record.Id, FileState.From(record), context);

    public override bool LeavesOurTable => true;

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FileState state = FileState.From(record);
        Descriptor folder = FilePaths.Open(record.Id, state, state.Flags, context);
        FileCalls.Seek(folder, state.Position);
        return folder;
    }
}
