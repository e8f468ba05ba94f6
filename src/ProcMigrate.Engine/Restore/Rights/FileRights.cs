using ProcMigrate.Engine.Host;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore.Rights;

/// <summary>
/// The one place that decides which owner and mode a file gets that is made from an image, whatever kind makes it. Nobody knows who wrote
/// the image, and root restores it: so nothing is made that the restored processes could not have made themselves. An owner whom none of
/// them is stays away (one of them may be allowed to give files away), and so do set-user-id and set-group-id bits for whom none of them is.
/// </summary>
internal sealed class FileRights
{
    private const int SetUserId = 0x800, SetGroupId = 0x400, ModeBits = 0xfff;
    private readonly HashSet<uint> _users = [];
    private readonly HashSet<uint> _groups = [];
    private readonly bool _anyOwner;
    private readonly Lazy<uint> _strangeUser = new(() => Stranger("uid_map"));
    private readonly Lazy<uint> _strangeGroup = new(() => Stranger("gid_map"));
    private readonly RepeatedWarning _bits, _owners, _kept;

    public FileRights(IReadOnlyList<ProcessRecord> processes, List<string> warnings)
    {
        ulong capabilities = 0;
        foreach (ProcessRecord process in processes)
        {
            foreach (ThreadRecord thread in process.Threads)
            {
                CredentialsRecord ids = thread.Credentials;
                _users.UnionWith([ids.RealUid, ids.EffectiveUid, ids.SavedUid, ids.FileUid]);
                _groups.UnionWith([ids.RealGid, ids.EffectiveGid, ids.SavedGid, ids.FileGid, .. ids.Groups]);
                capabilities |= ids.Permitted;
            }
        }
        // Of capabilities the tree gets those only that we have.
        capabilities &= CredentialFacts.Own().Permitted;
        _anyOwner = Holds(capabilities, Capability.CAP_CHOWN);
        MayMakeDevices = Holds(capabilities, Capability.CAP_MKNOD);
        _bits = new(warnings, "set-user-id and set-group-id bits do not come back from an image: {0} file(s), such as {1}, have lost theirs");
        _owners = new(warnings, "no process of the tree is the owner that {0} file(s), such as {1}, had: they belong to a number now that nobody has");
        _kept = new(warnings, "{0} file(s), such as {1}, belong to the user who restores: only root can give files away");
    }

    /// <summary>Whether a process of the tree may make device nodes: whoever has one has the device, whatever its name's rights were.</summary>
    public bool MayMakeDevices { get; }

    public bool MayOwn(uint user) => _anyOwner || _users.Contains(user);

    public bool MayOwnAsGroup(uint group) => _anyOwner || _groups.Contains(group);

    /// <summary>The owner for a thing that is no file, such as a System V object.</summary>
    public (uint User, uint Group) OwnerOf(string name, uint user, uint group)
    {
        Note(name, user, group);
        return (MayOwn(user) ? user : _strangeUser.Value, MayOwnAsGroup(group) ? group : _strangeGroup.Value);
    }

    /// <summary>Gives a file that has been made its owner and mode.</summary>
    /// <param name="file">May be an O_PATH descriptor.</param>
    /// <param name="name">For people.</param>
    /// <param name="user">Null, as for the group: the one that it was made with.</param>
    /// <param name="setIds">False: even set-user-id bits of a user of the tree stay away, for files that others may see.</param>
    public void Give(Descriptor file, string name, uint? user, uint? group, int mode, bool setIds = true)
    {
        FileStatus made = FileStatus.Of(file);
        (uint User, uint Group) owner = (made.Uid, made.Gid);
        Note(name, user, group);
        if (user is { } wanted)
            owner.User = MayOwn(wanted) ? wanted : _strangeUser.Value;
        if (group is { } wantedGroup)
            owner.Group = MayOwnAsGroup(wantedGroup) ? wantedGroup : _strangeGroup.Value;
        if (owner != (made.Uid, made.Gid) && !TrySetOwner(file, name, owner))
            owner = (made.Uid, made.Gid);
        // After the owner: a change of owner clears bits. A symbolic link has no mode of its own.
        if (made.Type == FileType.SymbolicLink)
            return;
        int allowed = ModeFor(owner, made.Type, mode, setIds);
        if ((mode & ModeBits) != allowed)
            _bits.Add(name);
        if (FileStatus.Of(file).Mode != allowed)
            FolderCalls.SetMode(file, allowed);
    }

    private void Note(string name, uint? user, uint? group)
    {
        if (user is { } u && !MayOwn(u) || group is { } g && !MayOwnAsGroup(g))
            _owners.Add(name);
    }

    /// <summary>Whoever may give files away could give one to root; set-user-id bits take more than that: to be the user.</summary>
    private int ModeFor((uint User, uint Group) owner, FileType type, int mode, bool setIds)
    {
        bool user = setIds && _users.Contains(owner.User);
        // On a folder the bit says which group new files in it have, and gives nobody a right.
        bool group = type == FileType.Directory || (setIds && _groups.Contains(owner.Group));
        return mode & ModeBits & ~(user ? 0 : SetUserId) & ~(group ? 0 : SetGroupId);
    }

    /// <returns>False: it belongs to whoever restores, and stays his.</returns>
    private bool TrySetOwner(Descriptor file, string name, (uint User, uint Group) owner)
    {
        try
        {
            FolderCalls.SetOwner(file, owner.User, owner.Group);
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.EINVAL)
        {
            // An ordinary user, or an id that this user namespace does not have. He has all of the file already: he has its image.
            _kept.Add(name);
            return false;
        }
    }

    private static bool Holds(ulong capabilities, Capability capability) => (capabilities >> (int)capability & 1) != 0;

    /// <summary>
    /// An id of nobody's, so that nobody has the rights of an owner; not that of the user "nobody", as whom programs run. In a user
    /// namespace that has none, the id that the kernel shows for all that the namespace does not know.
    /// </summary>
    private static uint Stranger(string map)
    {
        const uint Nobody = uint.MaxValue - 1, Overflow = 65534;
        foreach (string line in FileCalls.ReadText($"/proc/self/{map}").Split('\n'))
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var first, _, var count]
                && uint.Parse(first, System.Globalization.CultureInfo.InvariantCulture) is var from
                && Nobody - from < uint.Parse(count, System.Globalization.CultureInfo.InvariantCulture))
                return Nobody;
        }
        return Overflow;
    }
}
