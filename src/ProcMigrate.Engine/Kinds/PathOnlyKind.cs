using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A descriptor made with O_PATH: of a file, folder, symbolic link, socket, FIFO or device alike it holds the place only, so
/// what stands there matters little.
/// </summary>
internal sealed class PathOnlyKind : DescriptorKind
{
    public override string Name => "path-only";

    public override bool Recognises(DescriptorFacts facts) =>
        (facts.Info.Flags & OpenFlags.O_PATH) != 0 && !ProcFileKind.IsProcFile(facts.Link, facts.Status);

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) =>
        FilePaths.Capture(
            facts.Link, facts.Status, facts.Info.Flags, 0, facts.Reach, facts.Process.Pid, facts.Fd, context)?.ToJson();

    public override void Check(ObjectRecord record, RestoreContext context) => FilePaths.CheckPlace(record.Id, FileState.From(record), context);

    public override bool LeavesOurTable => true;

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FileState state = FileState.From(record);
        if (state.Deleted != 0)
            return DeletedFileKind.Open(state.Deleted, state.Flags, context);
        OpenFlags follow = state.Type == FileType.SymbolicLink ? OpenFlags.O_NOFOLLOW : 0;
        return FilePaths.OpenNamed(record.Id, state, state.Flags | follow, context);
    }
}
