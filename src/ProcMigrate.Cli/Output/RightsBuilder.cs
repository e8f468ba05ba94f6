using ProcMigrate.Image.Records;

namespace ProcMigrate.Cli.Output;

/// <summary>As what a process would run, for whoever has to decide whether it may.</summary>
internal static class RightsBuilder
{
    // By number; see capabilities(7).
    private static readonly string[] Names =
    [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
        "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
        "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
        "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
        "perfmon", "bpf", "checkpoint_restore",
    ];

    public static IReadOnlyList<RightsContents> Of(IReadOnlyList<ThreadRecord> threads)
    {
        var seen = new HashSet<string>();
        var rights = new List<RightsContents>();
        foreach (var thread in threads)
        {
            var ids = thread.Credentials;
            var one = new RightsContents(
                [ids.RealUid, ids.EffectiveUid, ids.SavedUid, ids.FileUid], [ids.RealGid, ids.EffectiveGid, ids.SavedGid, ids.FileGid],
                ids.Groups, NamesOf(ids.Permitted | ids.Effective | ids.Ambient));
            if (seen.Add($"{string.Join(' ', one.Uids)}|{string.Join(' ', one.Gids)}|{string.Join(' ', one.Groups)}|{string.Join(' ', one.Capabilities)}"))
                rights.Add(one);
        }

        return rights;
    }

    /// <summary>In words: <c>uid 1000, gid 1000, groups 4 24, no capabilities</c>.</summary>
    public static string Describe(RightsContents rights)
    {
        var capabilities = rights.Capabilities.Count switch
        {
            0 => "no capabilities",
            _ when rights.Capabilities.Count >= Names.Length => "all capabilities",
            _ => $"capabilities {string.Join(' ', rights.Capabilities)}",
        };
        var groups = rights.Groups.Count == 0 ? "no groups" : $"groups {string.Join(' ', rights.Groups)}";
        return $"uid {Ids(rights.Uids)}, gid {Ids(rights.Gids)}, {groups}, {capabilities}";
    }

    private static string[] NamesOf(ulong capabilities) =>
        [.. Enumerable.Range(0, 64).Where(bit => (capabilities >> bit & 1) != 0).Select(bit => bit < Names.Length ? Names[bit] : $"{bit}")];

    /// <summary>One number where all four are the same.</summary>
    private static string Ids(IReadOnlyList<uint> ids) =>
        ids.Count != 4 ? string.Join(' ', ids) : ids.All(id => id == ids[0]) ? $"{ids[0]}" : $"{ids[1]} (real {ids[0]}, saved {ids[2]}, of files {ids[3]})";
}
