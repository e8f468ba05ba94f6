using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Kinds;

/// <summary>pidfd_open(2): a handle on a process of the tree, or on one that has ended and been waited for.</summary>
internal sealed class PidFdKind : DescriptorKind
{
    // PIDFD_THREAD, a handle on a single thread.
    private const OpenFlags Thread = OpenFlags.O_EXCL;
    private const int SIGKILL = 9;

    public override string Name => "pidfd";

    public override bool Recognises(DescriptorFacts facts) => facts.Link == "anon_inode:[pidfd]";

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        int pid = int.Parse(facts.Info.Field("Pid"), CultureInfo.InvariantCulture);
        bool ended = pid == -1;
        bool inTree = ended || context.TreePids.Contains(pid);
        if (!inTree)
        {
            bool thread = context.Processes.Any(p => p.Threads.Any(t => t.Tid == pid));
            context.Block(new Blocker(
                "PidFd", facts.Process.Pid, facts.Fd, $"pidfd of {(thread ? "thread" : "process")} {pid}",
                thread ? "handles on single threads are not carried" : "the process is outside the tree, and will not be the same one later",
                thread ? "let the program close it" : "save that process with it"));
            return null;
        }
        var state = new PidFdState { Flags = facts.Info.Flags, Pid = ended ? 0 : pid, Ended = ended ? facts.Status.Inode : 0 };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.PidFdState);
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        PidFdState state = RestoreContext.Parse(record, StateJson.Default.PidFdState);
        if (state.Pid != 0)
            return PidFd.Open(state.Pid, state.Flags & (OpenFlags.O_NONBLOCK | Thread));
        // A further handle on the same process is made from the first: a bare pid leads nowhere any more.
        Descriptor first = context.Shared($"ended process {state.Ended}", () => OpenEnded(state.Flags));
        return Descriptor.Duplicate(first.Number);
    }

    /// <summary>A process that ends at once and is waited for; its handle is like that of any other that is gone.</summary>
    private static Descriptor OpenEnded(OpenFlags flags)
    {
        using var process = new BlankProcess();
        return PidFd.Open(process.Pid, flags & OpenFlags.O_NONBLOCK);
    }
}

/// <summary>A handle on a process: Pid is 0 for one that is gone, Ended then its inode, which tells such from each other.</summary>
internal sealed record PidFdState : OpenState
{
    public required int Pid { get; init; }
    public required ulong Ended { get; init; }
}
