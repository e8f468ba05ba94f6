using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>Tells at a save what a restore will not be able to execute as it is (<see cref="ProgramFiles"/>).</summary>
internal sealed class ExecutedFiles
{
    private const int ExecuteBits = 0x49; // 0111
    private readonly Dictionary<ulong, bool> _noExecution = [];

    public static void NoteProgram(string path, in FileStatus status, SaveContext context)
    {
        if (status.Type != FileType.Regular || status.Links == 0)
            return;
        if ((status.Mode & ExecuteBits) == 0)
            context.WarnOnce($"the program {path} may not be executed any more (its mode is {Convert.ToString(status.Mode, 8)}): a restore executes a copy of it, unless that is put right");
        NoteMapped(path, status, context);
    }

    public static void NoteMapped(string path, in FileStatus status, SaveContext context)
    {
        if (status.Type != FileType.Regular || !context.Shared(() => new ExecutedFiles()).HasNoExecution(path, status))
            return;
        context.WarnOnce($"{path} lies on a file system that is mounted noexec by now: a restore executes a copy of it, unless that is put right");
    }

    private bool HasNoExecution(string path, in FileStatus status)
    {
        // Of a mount, and told by it for each of its files; kernels before 5.8 do not number them.
        if (status.MountId != 0 && _noExecution.TryGetValue(status.MountId, out bool known))
            return known;
        // Whatever else has the name now, or cannot be reached by it, is carried in the image, or a blocker.
        if (FileStatus.TryOfPath(path) is not { } there || !there.IsSameFile(status))
            return false;
        using Descriptor file = FileCalls.Open(path, OpenFlags.O_PATH);
        return _noExecution[status.MountId] = FileSystem.Of(file).ForbidsExecution;
    }
}
