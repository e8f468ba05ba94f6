using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Restore.Births;

/// <summary>
/// In which order, and by whom, the processes of a tree are born so that each has the parent, session and group that it had. It follows
/// from these numbers alone, whatever order the processes were named in.
/// <para>
/// A session is inherited at birth and left only by founding one of one's own. So:
/// 1. children that are in their parent's first session are born before it founds its own, and then the others;
/// 2. what a leader is born into is what such children need of it, or of theirs;
/// 3. a child in a session of neither was an orphan, adopted: it is born by a member of its session through a helper that ends, and adopted
///    again; if nobody is left in that session, the helper founds it;
/// 4. roots that share a session whose leader is not in the tree share one again: one of them leads it, or a helper did.
/// </para>
/// </summary>
internal sealed class BirthPlan
{
    private readonly List<Birth> _all;
    private readonly Dictionary<int, Birth> _byPid = [];
    private readonly ILookup<int, Birth> _children;
    private readonly bool _inCallersSession;
    private readonly Dictionary<int, int> _bornIn = [];
    private readonly Dictionary<int, int> _sessionOf = [];
    private readonly Dictionary<int, List<int>> _members = [];
    private readonly Dictionary<int, int> _founders = [];
    private readonly HashSet<int> _callersSessions = [];
    private readonly List<BirthStep> _steps = [];
    private readonly List<BirthProblem> _problems = [];
    private readonly HashSet<int> _stoodInFor = [];
    private readonly HashSet<int> _deserters = [];
    private int _helpers;

    private BirthPlan(List<Birth> all, bool inCallersSession)
    {
        (_all, _inCallersSession) = (all, inCallersSession);
        foreach (Birth birth in all)
            _byPid[birth.Pid] = birth;
        _children = all.Where(b => !b.IsRoot).ToLookup(b => b.ParentPid);
        // Children stand behind their parents.
        for (int i = all.Count - 1; i >= 0; i--)
            _bornIn[all[i].Pid] = SessionAtBirth(all[i]);
    }

    public IReadOnlyList<BirthStep> Steps => _steps;

    /// <summary>What no order can bring about. No history of forks leads to most of these; a damaged image may.</summary>
    public IReadOnlyList<BirthProblem> Problems => _problems;

    /// <param name="inCallersSession">Whether roots whose session leader is not in the tree stay in the session of the restore.</param>
    public static BirthPlan Of(TreeRecord tree, bool inCallersSession) => Of(Birth.AllOf(tree), inCallersSession);

    internal static BirthPlan Of(List<Birth> all, bool inCallersSession)
    {
        var plan = new BirthPlan(all, inCallersSession);
        plan.PlanRoots();
        plan.PlanOrphans();
        plan.PlanGroups();
        return plan;
    }

    private int SessionAtBirth(Birth birth)
    {
        if (!birth.LeadsSession)
            return birth.SessionId;
        foreach (Birth child in _children[birth.Pid])
        {
            int wanted = _bornIn[child.Pid];
            // Of a session that somebody below leads, the child is an adopted orphan.
            if (wanted != Birth.AnySession && wanted != birth.Pid && !(IsLed(wanted) && IsBelow(wanted, birth.Pid)))
                return wanted;
        }
        return Birth.AnySession;
    }

    private bool IsLed(int session) => _byPid.TryGetValue(session, out Birth? leader) && leader.LeadsSession;

    private void PlanRoots()
    {
        var outside = new Dictionary<int, List<Birth>>();
        foreach (Birth root in _all.Where(b => b.IsRoot))
        {
            int session = _bornIn[root.Pid];
            if (session != Birth.AnySession && IsLed(session))
                continue;
            if (session == Birth.AnySession || _inCallersSession)
            {
                if (session != Birth.AnySession)
                    _callersSessions.Add(session);
                Bear(root, Mother.Seed);
            }
            else if (outside.TryGetValue(session, out List<Birth>? sharing))
            {
                sharing.Add(root);
            }
            else
            {
                outside[session] = [root];
            }
        }
        foreach ((int session, List<Birth> roots) in outside)
            PlanSharedSession(session, roots);
    }

    private void PlanSharedSession(int session, List<Birth> roots)
    {
        if (Founder(roots) is { } founder)
        {
            _founders[session] = founder.Pid;
            Bear(founder, Mother.Seed);
            if (roots.Count > 1)
                BearThroughHelper(roots.Where(r => r != founder), Mother.Process(founder.Pid), null, null);
            return;
        }
        BearThroughHelper(roots, Mother.Seed, session, null);
    }

    /// <summary>
    /// Who leads a session leads the process group of its number, too: so it must be one that is in no group of another process of the
    /// tree, nor has left its own to others.
    /// </summary>
    private Birth? Founder(List<Birth> roots)
    {
        List<Birth> able = [.. roots.Where(r => !r.LeadsSession && (r.LeadsGroup || !_byPid.ContainsKey(r.GroupId) && !_all.Exists(b => b.GroupId == r.Pid)))];
        return able.Find(r => r.LeadsGroup) ?? able.FirstOrDefault();
    }

    /// <summary>A process is born, and with it all that it bears itself. No recursion: a chain of parents may be long.</summary>
    private void Bear(Birth first, Mother mother)
    {
        var todo = new Stack<Action>();
        todo.Push(() => BearOne(first, mother, todo));
        while (todo.TryPop(out Action? step))
            step();
    }

    private void BearOne(Birth self, Mother mother, Stack<Action> todo)
    {
        _steps.Add(new BirthStep.Bear(self, mother));
        int bornIn = _bornIn[self.Pid];
        _sessionOf[self.Pid] = bornIn;
        bool foundsInstead = _founders.TryGetValue(bornIn, out int founder) && founder == self.Pid;
        int session = self.LeadsSession ? self.Pid : bornIn;
        // What is pushed last is done first.
        todo.Push(() => BearAll(self, c => _bornIn[c.Pid] == Birth.AnySession || _bornIn[c.Pid] == session, todo));
        todo.Push(() => Settle(self, session, self.LeadsSession || foundsInstead));
        if (self.LeadsSession && bornIn != Birth.AnySession)
            todo.Push(() => BearAll(self, c => _bornIn[c.Pid] == bornIn, todo));
    }

    private void BearAll(Birth self, Func<Birth, bool> which, Stack<Action> todo)
    {
        foreach (Birth child in _children[self.Pid].Where(c => !_sessionOf.ContainsKey(c.Pid) && which(c)).Reverse().ToList())
            todo.Push(() => BearOne(child, Mother.Process(self.Pid), todo));
    }

    private void Settle(Birth self, int session, bool founds)
    {
        if (founds)
            _steps.Add(new BirthStep.FoundSession(self));
        _sessionOf[self.Pid] = session;
        if (!_members.TryGetValue(session, out List<int>? members))
            _members[session] = members = [];
        members.Add(self.Pid);
    }

    private void PlanOrphans()
    {
        List<Birth> waiting = [.. _all.Where(b => !_sessionOf.ContainsKey(b.Pid))];
        for (bool progress = true; progress && waiting.Count > 0;)
        {
            progress = false;
            foreach (Birth orphan in waiting)
            {
                if (!_sessionOf.ContainsKey(orphan.Pid) && CanBeAdopted(orphan))
                    progress |= PlanOrphan(orphan);
            }
            waiting.RemoveAll(b => _sessionOf.ContainsKey(b.Pid));
        }
        // Of those that wait for others, only the first.
        foreach (Birth left in waiting.Where(b => b.IsRoot || _sessionOf.ContainsKey(b.ParentPid)))
            _problems.Add(new(left.Pid, $"it is in session {_bornIn[left.Pid]}, in which no process that its parent {left.ParentPid} could have adopted it from can be"));
    }

    private bool CanBeAdopted(Birth orphan) =>
        (orphan.IsRoot || _sessionOf.ContainsKey(orphan.ParentPid)) && (!IsLed(_bornIn[orphan.Pid]) || _sessionOf.ContainsKey(_bornIn[orphan.Pid]));

    /// <returns>False where nobody can bear it.</returns>
    private bool PlanOrphan(Birth orphan)
    {
        int session = _bornIn[orphan.Pid];
        int? reaper = orphan.IsRoot ? null : orphan.ParentPid;
        // All of this session that the same reaper adopted come by one helper: a session can be founded once.
        List<Birth> siblings =
            [.. (orphan.IsRoot ? _all.Where(b => b.IsRoot) : _children[orphan.ParentPid]).Where(b => _bornIn[b.Pid] == session && !_sessionOf.ContainsKey(b.Pid))];
        if (!_members.TryGetValue(session, out List<int>? members))
        {
            BearThroughHelper(siblings, Mother.Process(orphan.ParentPid), session, reaper);
            return true;
        }
        int member = members.Find(m => reaper is null || IsBelow(m, reaper.Value));
        if (member == 0)
            return false;
        BearThroughHelper(siblings, Mother.Process(member), null, reaper);
        return true;
    }

    private bool IsBelow(int pid, int ancestor)
    {
        // Bounded: parents come before children in the list, so that there is no circle.
        for (Birth at = _byPid[pid]; !at.IsRoot && _byPid.ContainsKey(at.ParentPid); at = _byPid[at.ParentPid])
        {
            if (at.ParentPid == ancestor)
                return true;
        }
        return false;
    }

    private void BearThroughHelper(IEnumerable<Birth> births, Mother mother, int? founds, int? reaper)
    {
        int helper = ++_helpers;
        if (founds is { } session)
            _stoodInFor.Add(session);
        _steps.Add(new BirthStep.StartHelper(helper, mother, founds, reaper));
        foreach (Birth birth in births.ToList())
            Bear(birth, Mother.OfHelper(helper));
        _steps.Add(new BirthStep.EndHelper(helper));
    }

    /// <summary>
    /// Groups come when all members of a session are there. Each process is told its own: at birth it was in its mother's. A group is
    /// founded by its leader, which may have left it since for another one; a helper keeps it then until all have joined.
    /// </summary>
    private void PlanGroups()
    {
        foreach (Birth leader in _all.Where(b => b.LeadsGroup && !b.LeadsSession && !IsFounder(b.Pid)))
            _steps.Add(new BirthStep.FoundGroup(leader.Pid));
        List<IGrouping<int, Birth>> groups = [.. _all.Where(b => !b.LeadsGroup).GroupBy(b => b.GroupId).Where(g => IsOfOneSession(g.Key, g))];
        int firstKeeper = _helpers + 1;
        foreach (Birth deserter in groups.Select(g => _byPid.GetValueOrDefault(g.Key)).OfType<Birth>().Where(b => !b.LeadsGroup))
        {
            _deserters.Add(deserter.Pid);
            _steps.Add(new BirthStep.FoundGroup(deserter.Pid));
            _steps.Add(new BirthStep.StartHelper(++_helpers, Mother.Process(deserter.Pid), null, null));
        }
        foreach (IGrouping<int, Birth> group in groups)
            PlanGroup(group.Key, [.. group]);
        for (int keeper = firstKeeper; keeper <= _helpers; keeper++)
            _steps.Add(new BirthStep.EndHelper(keeper));
    }

    private bool IsOfOneSession(int group, IEnumerable<Birth> members)
    {
        int session = _byPid.TryGetValue(group, out Birth? leader) ? leader.SessionId : members.First().SessionId;
        Birth? stray = members.FirstOrDefault(m => m.SessionId != session || m.LeadsSession);
        if (stray is not null)
            _problems.Add(new(stray.Pid, $"it is in session {stray.SessionId} and in process group {group}, which is of another session"));
        return stray is null;
    }

    private void PlanGroup(int group, List<Birth> members)
    {
        int session = members[0].SessionId;
        if (_byPid.ContainsKey(group))
            Join(members, group);
        else if (_callersSessions.Contains(session))
            return;
        else if (_founders.TryGetValue(session, out int founder) && members.Exists(m => m.Pid == founder))
            Join(members.Where(m => m.Pid != founder), founder);
        else if (group == session && _stoodInFor.Contains(session) && members.Find(m => !_deserters.Contains(m.Pid)) is { } stays)
            // Of the helper that founded the session; each was born into it.
            _steps.AddRange(members.Where(m => _deserters.Contains(m.Pid)).Select(m => new BirthStep.JoinGroupOf(m.Pid, stays.Pid)));
        else
            _steps.Add(new BirthStep.GroupOfAbsent(group, [.. members.Select(m => m.Pid)]));
    }

    private bool IsFounder(int pid) => _byPid[pid].IsRoot && _founders.ContainsValue(pid);

    private void Join(IEnumerable<Birth> members, int leader)
    {
        foreach (Birth member in members)
            _steps.Add(new BirthStep.JoinGroup(member.Pid, leader));
    }
}

/// <summary>A process that cannot be made again with the parent, session and group that it has.</summary>
internal sealed record BirthProblem(int Pid, string Why);
