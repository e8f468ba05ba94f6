using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Ways to the working and root folders of a process.</summary>
internal sealed class WorkingFolders(OwnedThread thread, RestorerArea area, RestoreContext context)
{
    private const int SIGCHLD = 17;

    /// <summary>
    /// A folder that has been deleted is reached through the descriptor we hold of it; and so is one that the process may reach by other rights
    /// than the seed's, which has ours.
    /// </summary>
    public string PathOf(int objectId)
    {
        ObjectRecord record = context.Object(objectId);
        FileState state = FileState.From(record);
        return state.Deleted == 0 && (state.Path == "/" || state.Bundled != 0 || state.OfEndedProcess || !context.Holders.AreLess(objectId))
            ? record.Title
            : $"/proc/{Environment.ProcessId}/fd/{context.OpenFiles.Get(objectId).Number}";
    }

    /// <summary>
    /// Goes into a folder of /proc whose process has ended: a child with that pid lives for as long as it takes; any child
    /// where the pid is another's by now.
    /// </summary>
    /// <returns>False where the folder is none of these.</returns>
    public bool EnterOfEndedProcess(int objectId)
    {
        FileState state = FileState.From(context.Object(objectId));
        if (!state.OfEndedProcess || ProcFileKind.PidOf(state.Path) is not { } ended)
            return false;
        string what = $"the folder of ended process {ended}";
        int wanted = Directory.Exists($"/proc/{ended}") ? 0 : ended;
        int child = thread.Clone(area.Data, 0, SIGCHLD, wanted, what);
        RemoteAddress path = area.WriteData(0, CString.Of(state.Path.Replace($"/proc/{ended}", $"/proc/{child}", StringComparison.Ordinal)));
        thread.Call(SyscallNumber.chdir, what, path.Value);
        OwnedProcess.End(new OwnedThread(child, thread.SyscallInstruction), 0);
        OwnedProcess.Reap(thread, child, area.Data);
        return true;
    }
}
