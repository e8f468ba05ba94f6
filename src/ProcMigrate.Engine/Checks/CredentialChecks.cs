using ProcMigrate.Engine.Host;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Checks;

/// <summary>
/// Nobody gets more rights from an image than he has. The kernel sees to it in the end; here it is told before anything is made.
/// </summary>
internal static class CredentialChecks
{
    // What the kernel shows in a user namespace for an id that the namespace does not know.
    private const uint Overflow = 65534;

    public static void Refuse(string image, TreeRecord tree)
    {
        var blockers = new List<Blocker>();
        Check(tree, blockers.Add);
        if (blockers.Count > 0)
            throw new EngineException(blockers, $"The image {image} cannot be restored by this user: {blockers.Count} reason(s). Nothing was started.");
    }

    public static void Check(TreeRecord tree, Action<Blocker> block)
    {
        // Who may set ids may have any; the capabilities that he lacks himself are left out, and told.
        if (Privileges.Has(Capability.CAP_SETUID) && Privileges.Has(Capability.CAP_SETGID))
            return;
        CredentialsRecord own = CredentialFacts.Own();
        foreach (ProcessRecord process in tree.Processes)
        {
            foreach (ThreadRecord thread in process.Threads)
            {
                if (Excess(thread.Credentials, own) is not { } excess)
                    continue;
                block(new Blocker(
                    "CredentialsNotAllowed", process.Pid, null, excess,
                    "a restore gives nobody more rights, or other ids, than the user has who runs it", "restore it as root, or as the user that it ran as"));
                break;
            }
        }
    }

    private static string? Excess(CredentialsRecord wanted, CredentialsRecord own)
    {
        foreach (uint id in (uint[])[wanted.RealUid, wanted.EffectiveUid, wanted.SavedUid, wanted.FileUid])
        {
            if (id != own.RealUid && id != own.EffectiveUid && id != own.SavedUid)
                return $"user {id}; this is user {own.EffectiveUid}";
        }
        foreach (uint id in (uint[])[wanted.RealGid, wanted.EffectiveGid, wanted.SavedGid, wanted.FileGid])
        {
            if (id != own.RealGid && id != own.EffectiveGid && id != own.SavedGid)
                return $"group {id}; this user's is {own.EffectiveGid}";
        }
        // Nor fewer: groups can also forbid, and without privileges none can be left.
        if (!IsWithin(wanted.Groups, own.Groups) || !IsWithin(own.Groups, wanted.Groups))
            return $"groups [{string.Join(' ', wanted.Groups)}]; this user's are [{string.Join(' ', own.Groups)}]";
        ulong more = (wanted.Permitted | wanted.Inheritable | wanted.Ambient) & ~BinaryRights.ForImages(own);
        return more != 0 ? $"capabilities {more:x}" : null;
    }

    private static bool IsWithin(IReadOnlyList<uint> some, IReadOnlyList<uint> all)
    {
        foreach (uint id in some)
        {
            if (id != Overflow && !all.Contains(id) && !all.Contains(Overflow))
                return false;
        }
        return true;
    }
}
