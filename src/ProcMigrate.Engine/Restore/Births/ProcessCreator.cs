using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore.Births;

/// <summary>
/// Makes the processes of a tree as <see cref="BirthPlan"/> has it: copies of the seed (or of a parent whose memory they inherit, see
/// <see cref="InheritedMemory"/>), with their pids, parents, sessions and groups.
/// </summary>
internal sealed class ProcessCreator(RestoreContext context, Seed seed, ProcessBuilders builders)
{
    private const int SIGCHLD = 17;
    private const ulong PR_SET_CHILD_SUBREAPER = 36;
    private readonly RemoteAddress _data = builders.AreaOfSeed.Data;
    private readonly SessionTerminals _terminals = new(context, builders.AreaOfSeed.Data);
    private readonly Dictionary<int, OwnedThread> _made = [];
    private readonly Dictionary<int, Helper> _helpers = [];
    private readonly HashSet<int> _taken = TreePids.Of(context.Tree);

    // Whose memory and descriptors each has, itself or one above: zombies-to-be have no builder.
    private readonly Dictionary<int, ProcessBuilder?> _formedBy = [];

    private sealed record Helper(OwnedThread Thread, OwnedThread Mother, ProcessBuilder? FormedBy, int? Reaper);

    /// <summary>All processes by pid, zombies-to-be among them.</summary>
    public IReadOnlyDictionary<int, OwnedThread> CreateAll()
    {
        BirthPlan plan = BirthPlan.Of(context.Tree, inCallersSession: context.Options.Wait);
        if (plan.Problems is [{ } problem, ..])
            throw RestoreContext.Damaged($"process {problem.Pid} cannot be made: {problem.Why}");
        foreach (BirthStep step in plan.Steps)
            Do(step);
        _terminals.SetForeground(_made);
        return _made;
    }

    private void Do(BirthStep step)
    {
        switch (step)
        {
            case BirthStep.Bear bear: Bear(bear.Child, bear.Mother); break;
            case BirthStep.FoundSession found: FoundSession(found.Leader); break;
            case BirthStep.StartHelper start: StartHelper(start); break;
            case BirthStep.EndHelper end: EndHelper(_helpers[end.Id]); break;
            case BirthStep.FoundGroup found: _made[found.Leader].Call(SyscallNumber.setpgid, $"process group {found.Leader}", 0, 0); break;
            case BirthStep.JoinGroup join: Join(join.Member, join.Leader); break;
            case BirthStep.JoinGroupOf join: Join(join.Member, (int)_made[join.Other].Call(SyscallNumber.getpgid, $"the group of process {join.Other}", 0)); break;
            case BirthStep.GroupOfAbsent absent: MakeGroup(absent.Group, absent.Members); break;
            default: throw new ArgumentException($"no such step: {step}", nameof(step));
        }
    }

    private void Bear(Birth child, Mother mother)
    {
        (OwnedThread thread, ProcessBuilder? formedBy) = Resolve(mother);
        ulong flags = child.IsRoot ? 0 : (ulong)(child.Record?.SharedWithParent ?? 0);
        int pid = CloneAs(thread, flags, child);
        var born = new OwnedThread(pid, thread.SyscallInstruction);
        _made[child.Pid] = born;
        _formedBy[child.Pid] = child.Record is { } record ? builders.Add(record, born, formedBy) : formedBy;
    }

    private int CloneAs(OwnedThread mother, ulong flags, Birth child)
    {
        try
        {
            return mother.Clone(_data, flags, SIGCHLD, child.Pid, $"process {child.Pid}, child of {child.ParentPid}");
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            throw new EngineException(
                "PidInUse", FailureClass.Refused,
                $"Pid {child.Pid} was taken after the checks, by another restore of this image, say. Nothing is left of the tree. Look who has it, or restore with --pid-namespace.", e);
        }
    }

    private (OwnedThread Thread, ProcessBuilder? FormedBy) Resolve(Mother mother)
    {
        if (mother.Helper != 0)
            return (_helpers[mother.Helper].Thread, _helpers[mother.Helper].FormedBy);
        return mother.Pid != 0 ? (_made[mother.Pid], _formedBy[mother.Pid]) : (seed.Thread, null);
    }

    private void FoundSession(Birth leader)
    {
        _made[leader.Pid].Call(SyscallNumber.setsid, $"the session of process {leader.Pid}");
        _terminals.Acquire(leader.Pid, _made[leader.Pid]);
    }

    private void StartHelper(BirthStep.StartHelper start)
    {
        (OwnedThread mother, ProcessBuilder? formedBy) = Resolve(start.Mother);
        OwnedThread thread = CloneHelper(mother, start.Founds ?? 0, start.Founds is { } s ? $"a stand-in for the leader of session {s}" : "a go-between");
        if (start.Founds is { } session)
        {
            thread.Call(SyscallNumber.setsid, $"session {session}");
            WarnOfNumber("session", session, thread.Tid);
        }
        if (start.Reaper is { } reaper)
            _made[reaper].Call(SyscallNumber.prctl, $"process {reaper} as subreaper", PR_SET_CHILD_SUBREAPER, 1);
        _helpers[start.Id] = new Helper(thread, mother, formedBy, start.Reaper);
    }

    private void EndHelper(Helper helper)
    {
        OwnedProcess.End(helper.Thread, 0);
        OwnedProcess.Reap(helper.Mother, helper.Thread.Tid, _data);
        // Off in any case, or it would adopt what later helpers leave to others above it. Its own setting comes with its other settings.
        if (helper.Reaper is { } reaper)
            _made[reaper].Call(SyscallNumber.prctl, $"process {reaper} no subreaper", PR_SET_CHILD_SUBREAPER, 0);
    }

    /// <summary>A helper's number must be none that a process or thread of the tree is still to have.</summary>
    private OwnedThread CloneHelper(OwnedThread mother, int wanted, string what)
    {
        if (wanted > 0 && !_taken.Contains(wanted) && TryClone(mother, wanted, what) is { } asWanted)
            return asWanted;
        List<int> unfit = [];
        int pid;
        while (_taken.Contains(pid = mother.Clone(_data, 0, SIGCHLD, 0, what)))
            unfit.Add(pid);
        foreach (int other in unfit)
        {
            OwnedProcess.End(new OwnedThread(other, mother.SyscallInstruction), 0);
            OwnedProcess.Reap(mother, other, _data);
        }
        return new OwnedThread(pid, mother.SyscallInstruction);
    }

    private OwnedThread? TryClone(OwnedThread mother, int pid, string what)
    {
        try
        {
            return new OwnedThread(mother.Clone(_data, 0, SIGCHLD, pid, what), mother.SyscallInstruction);
        }
        catch (LinuxException e) when (e.Errno is Errno.EEXIST or Errno.EINVAL)
        {
            // Somebody has it, or uses it as a session or group; or it is above this host's pid_max.
            return null;
        }
    }

    /// <summary>A process group whose leader is not in the tree is founded by a stand-in, with its number if that is free here.</summary>
    private void MakeGroup(int group, IReadOnlyList<int> members)
    {
        OwnedThread first = _made[members[0]];
        OwnedThread standIn = CloneHelper(first, group, $"a stand-in for the leader of process group {group}");
        standIn.Call(SyscallNumber.setpgid, $"process group {group}", 0, 0);
        foreach (int member in members)
            Join(member, standIn.Tid);
        WarnOfNumber("process group", group, standIn.Tid);
        OwnedProcess.End(standIn, 0);
        OwnedProcess.Reap(first, standIn.Tid, _data);
    }

    private void WarnOfNumber(string what, int number, int now)
    {
        // 0: the leader was in another pid namespace; there is no number to keep.
        if (now != number && number > 0)
            context.Warnings.Add($"{what} {number}, whose leader is not in the tree, has the number {now} now: its own is in use here");
    }

    private void Join(int member, int leader) =>
        _made[member].Call(SyscallNumber.setpgid, $"process {member} into group {leader}", 0, (ulong)leader);
}
