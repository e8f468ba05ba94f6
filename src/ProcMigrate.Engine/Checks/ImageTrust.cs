using System.Globalization;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Checks;

/// <summary>
/// Whose image it is. What an image says is done with the rights of whoever restores it: files are opened by their paths, and programs run
/// as the users that stand in it. So root restores of himself only what nobody else can have written.
/// </summary>
internal static class ImageTrust
{
    private const int WrittenByGroup = 0x10, WrittenByAll = 0x2;

    public static void Check(RestoreContext context)
    {
        if (context.Options.Trust || !MayBecomeOthers())
            return;
        // By the open file: what stands under the path may be another one by now.
        int opened = (int)context.Image.File.DangerousGetHandle();
        string reach = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{opened}");
        FileStatus? source = context.Options.Source is { } path ? FileStatus.TryOfPath(path) : null;
        // Of what comes through a pipe, the one who connected it knows whose it is.
        string? why = Reason(FileStatus.OfPath(reach), reach) ?? (source is { Type: FileType.Regular } file ? Reason(file, context.Options.Source!) : null);
        if (why is null)
            return;
        context.Block(new Blocker(
            "ImageNotTrusted", null, null, $"{context.Image.Path} {why}",
            "what it says would be done with the rights of this user: files opened by their paths, programs run as any user",
            "restore it as the user whose it is; or look at it (procmigrate inspect), and take it as it is with --trust"));
    }

    /// <summary>Root, or as good as; not an ordinary user in a user namespace of his own.</summary>
    private static bool MayBecomeOthers() =>
        RawSyscall.Call(Linux.X64.SyscallNumber.geteuid, "this process") == 0 || (!UserNamespace.IsOwn && Privileges.Has(Capability.CAP_SETUID));

    private static string? Reason(in FileStatus file, string reach)
    {
        uint own = (uint)RawSyscall.Call(Linux.X64.SyscallNumber.geteuid, "this process");
        if (file.Uid != 0 && file.Uid != own)
            return $"belongs to {UserNames.Describe(file.Uid)}";
        // A file without a name, as an image on its way here is, cannot be opened by others.
        if (file.Links == 0)
            return null;
        // Whoever is in root's group is as good as root.
        bool group = (file.Mode & WrittenByGroup) != 0 && file.Gid != 0, all = (file.Mode & WrittenByAll) != 0;
        // With an access list, the group's bits are no longer the group's alone.
        if (!all && (file.Mode & WrittenByGroup) != 0 && ExtendedAttributes.HasAccessList(reach))
            return "can be written by those whom its access list names (getfacl shows them)";
        return all ? "can be written by all users" : group ? $"can be written by all users of group {file.Gid}" : null;
    }
}
