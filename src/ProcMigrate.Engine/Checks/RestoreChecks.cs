using System.Diagnostics;
using System.Text.Json;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Restore.Births;
using ProcMigrate.Engine.Restore.Locked;
using ProcMigrate.Engine.Restore.X64;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Checks;

/// <summary>Everything that stands against restoring an image here, found before anything is made.</summary>
internal static class RestoreChecks
{
    // Enough for an init that is slow to reap; a pid that only a zombie holds is as good as free.
    private static readonly TimeSpan ZombiePatience = TimeSpan.FromSeconds(5);

    public static void Report(RestoreContext context) => RestoreContext.Interpret("the tree", () => ReportAll(context));

    private static void ReportAll(RestoreContext context)
    {
        CheckPrivilege(context);
        ImageTrust.Check(context);
        if (!UserNamespace.IsOwn)
            CredentialChecks.Check(context.Tree, context.Block);
        // In a pid namespace yet to be made all are free.
        if (!context.Options.PidNamespace || InsideNamespaces.Current is not null)
            CheckPids(context);
        CheckCpu(context);
        foreach (BirthProblem problem in BirthPlan.Of(context.Tree, context.Options.Wait).Problems)
            context.Block(BirthChecks.Blocker(problem));
        if (OpenFileLimit.Exceeded(context.Tree.Processes, context.Tree.Objects) is { } few)
        {
            context.Block(new Blocker(
                "TooManyDescriptors", null, null, few, "files of the tree are opened here before its processes get them",
                "raise the limit (ulimit -n as root, LimitNOFILE= of a service, /etc/security/limits.conf), or run it with CAP_SYS_RESOURCE"));
        }
        SpaceChecks.Report(context);
        LockedMemory.Check(context);
        TreeClocks.Of(context).Check();
        KernelFeatures.Check(context);
        VdsoTranslation.Apply(context);
        // Of a part of the image, only what that part holds.
        HashSet<int>? chosen = context.Options.Only.Count == 0 ? null : TreeSelection.ObjectsOf(context.Tree);
        foreach (ObjectRecord record in context.Tree.Objects.Where(o => chosen?.Contains(o.Id) != false && DescriptorKinds.IsOpenFile(o.Kind)))
        {
            if (record.SignalOwner is { } owner)
                SignalOwners.Check(owner.Type, owner.Pid, context);
            RestoreContext.Interpret($"object {record.Id} ({record.Kind})", () => DescriptorKinds.Of(record).Check(record, context));
        }
        ProgramFiles.Of(context).Check();
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            foreach ((string name, JsonElement state) in process.Aspects)
                RestoreContext.Interpret($"'{name}' of process {process.Pid}", () => ProcessAspects.Named(name).Check(state, process, context));
        }
    }

    private static void CheckPrivilege(RestoreContext context)
    {
        if (context.Options.PidNamespace || Privileges.Has(Capability.CAP_CHECKPOINT_RESTORE) || Privileges.Has(Capability.CAP_SYS_ADMIN))
            return;
        throw new EngineException(
            "PrivilegeMissing", FailureClass.PrivilegeMissing,
            "Restoring processes with the pids they had needs the capability CAP_CHECKPOINT_RESTORE (or root) on this host. Restore with "
            + "--pid-namespace, which any user may, or with sudo, or give the binary the capability: setcap cap_checkpoint_restore+ep.");
    }

    private static void CheckPids(RestoreContext context)
    {
        // In a namespace that is yet to be made, all are free.
        if (context.Options.PidNamespace && InsideNamespaces.Current is null)
            return;
        long start = Stopwatch.GetTimestamp();
        HashSet<int> numbers = TreePids.Of(context.Tree);
        foreach (int tid in numbers.Order())
            CheckPid(tid, start, context);
        foreach (PidUse use in UsesOf(numbers, start))
            context.Block(PidInUse(use));
    }

    private static void CheckPid(int tid, long start, RestoreContext context)
    {
        while (ProcStat.TryOf(tid) is { State: 'Z' or 'X' } && Stopwatch.GetElapsedTime(start) < ZombiePatience)
            Thread.Sleep(5);
        if (ProcStat.TryOf(tid) is { } owner)
            context.Block(PidInUse(tid, owner));
    }

    private static List<PidUse> UsesOf(HashSet<int> numbers, long start)
    {
        List<PidUse> uses;
        while ((uses = [.. PidUses.Read().ByOthers(numbers)]).Exists(u => u.ByZombie) && Stopwatch.GetElapsedTime(start) < ZombiePatience)
            Thread.Sleep(5);
        return uses;
    }

    private static Blocker PidInUse(PidUse use) => new(
        "PidInUse", use.Number, null,
        $"{use.Number} is the {use.Kind} of {use.By.Name} (process {use.By.Pid}{(use.ByZombie ? $", ended but not reaped by its parent {use.By.ParentPid}" : "")})",
        "the restored program must have the pids it knows itself and its threads by, and the kernel gives out none that a session or process group has",
        $"end process {use.By.Pid} first, restore with --pid-namespace, or on another host");

    private static Blocker PidInUse(int tid, ProcStat owner)
    {
        string state = owner.State == 'Z' ? ", ended but not reaped by its parent " + owner.ParentPid : "";
        return new Blocker(
            "PidInUse", tid, null, $"pid {tid} belongs to {owner.Name} (process {ProcStatus.Of(tid).Number("Tgid")}{state})",
            "the restored program must have the pids it knows itself and its threads by",
            "end that process first, restore with --pid-namespace, or on another host");
    }

    private static void CheckCpu(RestoreContext context)
    {
        CpuRecord saved = context.Tree.Origin.Cpu;
        CpuRecord here = CpuFacts.Read();
        List<string> missing = [.. saved.Features.Where(f => CpuFeatures.ProgramsMayUse(f)).Except(here.Features)];
        if (missing.Count > 0 && !context.Options.Force)
        {
            context.Block(new Blocker(
                "CpuFeature", null, null, string.Join(" ", missing),
                $"the program ran on {saved.Model}, whose features its libraries may have chosen code for; {here.Model} lacks these",
                "restore on a processor that has them, or take the risk with --force"));
        }
        CheckVectorState(saved, here, context);
        LoaderSaveAreas.Check(context);
    }

    private static void CheckVectorState(CpuRecord saved, CpuRecord here, RestoreContext context)
    {
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            foreach (ThreadRecord thread in process.Threads)
            {
                List<string> lost = XsaveArea.Lost(thread.ExtendedState, saved, here);
                if (lost.Count == 0)
                    continue;
                string what = $"thread {thread.Tid} uses vector state that is not here: {string.Join(", ", lost)}";
                if (context.Options.Force)
                    context.Warnings.Add(what + "; its content is lost");
                else
                {
                    context.Block(new Blocker(
                        "CpuState", process.Pid, null, what, $"{here.Model} does not have these registers (XCR0 {here.Xcr0:x}, there {saved.Xcr0:x})",
                        "restore on a processor that has them; --force drops their content"));
                }
            }
        }
    }
}
