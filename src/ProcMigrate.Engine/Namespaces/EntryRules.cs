using System.Globalization;
using ProcMigrate.Engine.Host;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>Why the namespaces of a tree are not entered.</summary>
internal sealed record EntryRefusal(string What, string Reason, string Remedy);

/// <summary>
/// Which namespaces of a tree this command may enter (docs/security.md). The kernel alone is asked: nothing that lies in the namespaces,
/// and nothing that their processes say, counts.
/// </summary>
internal static class EntryRules
{
    private static readonly string[] Owned = ["mnt", "pid", "ipc", "time"];

    /// <returns>Null where all of those that differ from ours may be entered.</returns>
    public static EntryRefusal? Judge(int pid, NamespaceSet its, NamespaceSet ours, MountComparison mounts)
    {
        if (its.Differs(ours, "user") && RefuseUser(pid, its["user"], ours["user"]) is { } refusal)
            return refusal;
        foreach (string kind in Owned)
        {
            if (!its.Differs(ours, kind))
                continue;
            using NamespaceFile? owner = its[kind].Owner();
            if (owner?.IsSame(its["user"]) != true)
            {
                return new EntryRefusal(
                    kind, "it belongs to another user namespace than the process, so that others than the process's user have power over what is in it",
                    $"save it from inside: nsenter -t {pid} -a procmigrate save …");
            }
        }
        if (mounts.Private.Count == 0)
            return its.Differs(ours, "pid") && !TreeNamespaces.HasOurInit(pid) ? RefuseInit(pid) : null;
        return new EntryRefusal(
            $"mnt: {string.Join("; ", mounts.Private)}",
            "the tree has files before its eyes that a restore would not give it (as a container's processes do)",
            $"save it from inside, if procmigrate is there, and restore it inside, too, while something keeps these mounts: nsenter -t {pid} -a procmigrate save …");
    }

    private static EntryRefusal RefuseInit(int pid) => new(
        "pid: its process 1 is none that a restore has made",
        "such a process 1 may end when the tree has ended, and the kernel then ends all in the namespace, a save that is at work there, too",
        $"save it from inside, and end it then: nsenter -t {pid} -a procmigrate save {ProcStatus.Of(pid).Numbers("NSpid")[^1]} --leave-running");

    /// <summary>
    /// A user namespace gives whoever enters it all capabilities in it and keeps his ids, so it must be the caller's own: made by him, right
    /// below ours, with no id in it but his. With CAP_SYS_ADMIN a restore makes none, so there is none to enter.
    /// </summary>
    private static EntryRefusal? RefuseUser(int pid, NamespaceFile its, NamespaceFile ours)
    {
        const string Reason = "what is done in there is done over processes and files that this user has all rights over";
        using NamespaceFile? parent = its.Parent();
        if (parent is null || !parent.IsSame(ours))
            return new EntryRefusal("user: it lies in further user namespaces", Reason, $"save it from inside these: nsenter -t {pid} -a procmigrate save …");
        long uid = RawSyscall.Call(SyscallNumber.geteuid, "this process");
        uint owner = its.OwnerUid();
        if (Privileges.Has(Capability.CAP_SYS_ADMIN) || owner != uid || !KnowsOnly(uid, pid))
        {
            string group = ProcStatus.Of(pid).Text("Gid").Split('\t')[1];
            return new EntryRefusal(
                $"user: it was made by uid {owner}", Reason,
                $"save it as that user: setpriv --reuid={owner} --regid={group} --clear-groups --inh-caps=-all procmigrate save {pid}");
        }
        return null;
    }

    /// <summary>Whether the user namespace of a process has one id, the same inside and outside.</summary>
    public static bool KnowsOnly(long uid, int pid)
    {
        string[] fields = FileCalls.ReadText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/uid_map"))
            .Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        string id = uid.ToString(CultureInfo.InvariantCulture);
        return fields.AsSpan().SequenceEqual([id, id, "1"]);
    }
}
