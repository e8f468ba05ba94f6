using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Makes the processes of a tree, copies of the seed (or of a parent whose memory they inherit, see <see cref="InheritedMemory"/>), with their pids, parents, sessions and groups. A session is
/// inherited at birth and left only by founding one, so the order of births decides:
/// 1. children that are in their parent's first session are born before it founds its own;
/// 2. then it founds it, and the others are born;
/// 3. a child in a session of neither was an orphan, adopted by a subreaper: it is born by a member of its session, or by a
///    stand-in for a leader that is long dead, and adopted again when that one ends.
/// </summary>
internal sealed class ProcessCreator(RestoreContext context, Seed seed, ProcessBuilders builders)
{
    private const int SIGCHLD = 17;

    // No session has this number.
    private const int Outside = 0;
    private const ulong PR_SET_CHILD_SUBREAPER = 36;
    private readonly RemoteAddress _data = builders.AreaOfSeed.Data;
    private readonly SessionTerminals _terminals = new(context, builders.AreaOfSeed.Data);
    private readonly Dictionary<int, OwnedThread> _made = [];
    private readonly Dictionary<int, int> _sessionOf = [];

    // Whose memory and descriptors each has, itself or one above: zombies-to-be have no builder.
    private readonly Dictionary<int, ProcessBuilder?> _formedBy = [];
    private readonly ILookup<int, Birth> _children = context.Tree.Processes
        .Where((p, i) => i > 0 && !context.Tree.FurtherRoots.Contains(p.Pid))
        .Select(p => new Birth(p.Pid, p.ParentPid, p.GroupId, p.SessionId) { Record = p })
        .Concat(context.Tree.Zombies.Select(z => new Birth(z.Pid, z.ParentPid, z.GroupId, z.SessionId)))
        .ToLookup(b => b.ParentPid);

    private sealed record Birth(int Pid, int ParentPid, int GroupId, int SessionId)
    {
        public bool LeadsSession => SessionId == Pid;

        /// <summary>Null for one that is to be a zombie.</summary>
        public ProcessRecord? Record { get; init; }
    }

    /// <summary>All processes by pid, zombies-to-be among them.</summary>
    public IReadOnlyDictionary<int, OwnedThread> CreateAll()
    {
        foreach (ProcessRecord root in Roots())
        {
            int pid = seed.Thread.Clone(_data, 0, SIGCHLD, root.Pid, $"process {root.Pid}");
            var thread = new OwnedThread(pid, seed.Thread.SyscallInstruction);
            var birth = new Birth(root.Pid, 0, root.GroupId, root.SessionId) { Record = root };
            // The session of the outside, by its old number; without --wait the root founds one in its place.
            Live(birth, thread, birth.LeadsSession ? Outside : root.SessionId, mother: null, foundsInstead: !context.Options.Wait);
        }
        AdoptOrphans();
        SetGroups();
        _terminals.SetForeground(_made);
        return _made;
    }

    private IEnumerable<ProcessRecord> Roots() =>
        context.Tree.Processes.Where((p, i) => i == 0 || context.Tree.FurtherRoots.Contains(p.Pid));

    /// <param name="mother">Whose memory and descriptors it was born with; null: the seed's.</param>
    private void Live(Birth self, OwnedThread thread, int bornIn, ProcessBuilder? mother, bool foundsInstead = false)
    {
        _made[self.Pid] = thread;
        if (self.Record is { } record)
            mother = builders.Add(record, thread, mother);
        _formedBy[self.Pid] = mother;
        bool founds = self.LeadsSession;
        if (founds)
        {
            foreach (Birth child in _children[self.Pid].Where(c => c.SessionId == bornIn && !c.LeadsSession))
                Bear(thread, child, bornIn, mother);
        }
        if (founds || foundsInstead)
        {
            thread.Call(SyscallNumber.setsid, $"the session of process {self.Pid}");
            _terminals.Acquire(self.Pid, thread);
        }
        int session = founds ? self.Pid : bornIn;
        _sessionOf[self.Pid] = session;
        foreach (Birth child in _children[self.Pid].Where(c => !_made.ContainsKey(c.Pid) && (c.LeadsSession || c.SessionId == session)))
            Bear(thread, child, session, mother);
    }

    private void Bear(OwnedThread thread, Birth child, int session, ProcessBuilder? mother)
    {
        ulong flags = (ulong)(child.Record?.SharedWithParent ?? 0);
        int pid = thread.Clone(_data, flags, SIGCHLD, child.Pid, $"process {child.Pid}, child of {child.ParentPid}");
        Live(child, new OwnedThread(pid, thread.SyscallInstruction), session, mother);
    }

    private void AdoptOrphans()
    {
        for (bool progress = true; progress;)
        {
            progress = false;
            foreach (Birth orphan in _children.SelectMany(c => c).Where(c => !_made.ContainsKey(c.Pid) && _made.ContainsKey(c.ParentPid)).ToList())
            {
                AdoptOrphan(orphan);
                progress = true;
            }
        }
    }

    private void AdoptOrphan(Birth orphan)
    {
        OwnedThread reaper = _made[orphan.ParentPid];
        OwnedThread mother = _made.TryGetValue(orphan.SessionId, out OwnedThread? leader) && leader != reaper ? leader : reaper;
        // A go-between that bears the orphan and ends: the kernel then gives the orphan to the nearest subreaper above.
        bool standsIn = mother == reaper;
        int between = mother.Clone(_data, 0, SIGCHLD, standsIn ? orphan.SessionId : 0, $"a go-between for process {orphan.Pid}");
        var thread = new OwnedThread(between, mother.SyscallInstruction);
        if (standsIn)
            thread.Call(SyscallNumber.setsid, $"session {orphan.SessionId}");
        reaper.Call(SyscallNumber.prctl, $"process {orphan.ParentPid} as subreaper", PR_SET_CHILD_SUBREAPER, 1);
        // All of this session that the same reaper adopted are born here: the session's number is free for one stand-in only.
        foreach (Birth sibling in _children[orphan.ParentPid].Where(c => c.SessionId == orphan.SessionId && !_made.ContainsKey(c.Pid)).ToList())
            Bear(thread, sibling, orphan.SessionId, _formedBy[standsIn ? orphan.ParentPid : orphan.SessionId]);
        OwnedProcess.End(thread, 0);
        OwnedProcess.Reap(mother, between, _data);
        ProcessRecord? record = context.Tree.Processes.FirstOrDefault(p => p.Pid == orphan.ParentPid);
        if (record is { ChildSubreaper: false })
            reaper.Call(SyscallNumber.prctl, $"process {orphan.ParentPid} no subreaper", PR_SET_CHILD_SUBREAPER, 0);
    }

    /// <summary>Groups, once all members of a session are there. A group whose leader is dead is founded by a stand-in.</summary>
    private void SetGroups()
    {
        List<Birth> all = [.. context.Tree.Processes.Select(p => new Birth(p.Pid, p.ParentPid, p.GroupId, p.SessionId))
            .Concat(context.Tree.Zombies.Select(z => new Birth(z.Pid, z.ParentPid, z.GroupId, z.SessionId)))];
        foreach (Birth leader in all.Where(b => b.GroupId == b.Pid && !b.LeadsSession && !FoundedInstead(b)))
            _made[leader.Pid].Call(SyscallNumber.setpgid, $"process group {leader.Pid}", 0, 0);
        foreach (IGrouping<int, Birth> group in all.Where(b => b.GroupId != b.Pid).GroupBy(b => b.GroupId))
            SetGroup(group.Key, [.. group]);
    }

    private void SetGroup(int groupId, List<Birth> members)
    {
        if (_made.ContainsKey(groupId))
        {
            Join(members, groupId);
            return;
        }
        // The group of the outside that the root was started in: its members stay in what the root is in now.
        if (Roots().Any(r => r.GroupId == groupId) || !_made.ContainsKey(members[0].SessionId))
            return;
        OwnedThread mother = _made[members[0].Pid];
        int standIn = mother.Clone(_data, 0, SIGCHLD, groupId, $"a stand-in for process group {groupId}");
        var thread = new OwnedThread(standIn, mother.SyscallInstruction);
        thread.Call(SyscallNumber.setpgid, $"process group {groupId}", 0, 0);
        Join(members, groupId);
        OwnedProcess.End(thread, 0);
        OwnedProcess.Reap(mother, standIn, _data);
    }

    private void Join(List<Birth> members, int groupId)
    {
        foreach (Birth member in members)
            _made[member.Pid].Call(SyscallNumber.setpgid, $"process {member.Pid} into group {groupId}", 0, (ulong)groupId);
    }

    /// <summary>A root that founded a session in place of the outside's leads its group by that already.</summary>
    private bool FoundedInstead(Birth birth) =>
        !context.Options.Wait && Roots().Any(r => r.Pid == birth.Pid);
}
