using System.Runtime.InteropServices;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>The two structs of capset(2), version 3: header and both halves of the three sets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CapabilityCall
{
    public uint version;
    public int pid;
    public uint effective0;
    public uint permitted0;
    public uint inheritable0;
    public uint effective1;
    public uint permitted1;
    public uint inheritable1;

    public const uint Version3 = 0x20080522;
    public const int DataOffset = 8;

    public static CapabilityCall Of(ulong effective, ulong permitted, ulong inheritable) => new()
    {
        version = Version3,
        effective0 = (uint)effective,
        permitted0 = (uint)permitted,
        inheritable0 = (uint)inheritable,
        effective1 = (uint)(effective >> 32),
        permitted1 = (uint)(permitted >> 32),
        inheritable1 = (uint)(inheritable >> 32),
    };
}

/// <summary>Gives a thread its credentials. Every step needs rights that a later one takes away, so the order is fixed.</summary>
internal static class CredentialCalls
{
    private const ulong PR_CAPBSET_DROP = 24;
    private const ulong PR_SET_SECUREBITS = 28;
    private const ulong PR_SET_NO_NEW_PRIVS = 38;
    private const ulong PR_CAP_AMBIENT = 47;
    private const ulong PR_CAP_AMBIENT_RAISE = 2;
    private const ulong PR_CAP_AMBIENT_CLEAR_ALL = 4;
    private const ulong SECBIT_NO_SETUID_FIXUP = 1 << 2;

    /// <param name="current">What the thread has from the seed, that is from this process.</param>
    public static void Add(CallTable calls, CredentialsRecord wanted, CredentialsRecord current, List<string> warnings)
    {
        ulong missing = (wanted.Permitted | wanted.Inheritable) & ~BinaryRights.ForImages(current);
        if (missing != 0)
        {
            string warning = $"capabilities {missing:x}, which the program had, are not to be had by this user here: it goes on without";
            if (!warnings.Contains(warning))
                warnings.Add(warning);
            wanted = wanted with
            {
                Permitted = wanted.Permitted & ~missing,
                Effective = wanted.Effective & ~missing,
                Inheritable = wanted.Inheritable & ~missing,
                Ambient = wanted.Ambient & ~missing,
            };
        }
        if (!Same(wanted, current))
            AddAll(calls, wanted, current);
        if (wanted.NoNewPrivileges)
            calls.Add(SyscallNumber.prctl, "no_new_privs", PR_SET_NO_NEW_PRIVS, 1);
    }

    private static void AddAll(CallTable calls, CredentialsRecord wanted, CredentialsRecord current)
    {
        bool maySetBits = (current.Effective >> (int)Capability.CAP_SETPCAP & 1) != 0;
        // 1. Groups, while CAP_SETGID is there.
        if (!UserNamespace.IsOwn && !wanted.Groups.SequenceEqual(current.Groups))
        {
            RemoteAddress groups = calls.Data(MemoryMarshal.AsBytes<uint>(wanted.Groups.ToArray()));
            calls.Add(SyscallNumber.setgroups, "supplementary groups", (ulong)wanted.Groups.Count, groups.Value);
        }
        calls.Add(SyscallNumber.setresgid, "group ids", wanted.RealGid, wanted.EffectiveGid, wanted.SavedGid);
        calls.Add(SyscallNumber.setfsgid, "file system group id", wanted.FileGid);
        // 2. The bounding set, while CAP_SETPCAP is there.
        for (int capability = 0; capability < 64; capability++)
        {
            if (((current.Bounding & ~wanted.Bounding) >> capability & 1) != 0)
                calls.Add(SyscallNumber.prctl, $"bounding set without capability {capability}", PR_CAPBSET_DROP, (ulong)capability);
        }
        // 3. Users, without the kernel taking the capabilities away for it.
        if (maySetBits)
            calls.Add(SyscallNumber.prctl, "securebits for the change of user", PR_SET_SECUREBITS, current.SecureBits | SECBIT_NO_SETUID_FIXUP);
        calls.Add(SyscallNumber.setresuid, "user ids", wanted.RealUid, wanted.EffectiveUid, wanted.SavedUid);
        calls.Add(SyscallNumber.setfsuid, "file system user id", wanted.FileUid);
        // 4. Inheritable before ambient: the kernel lets only capabilities be ambient that are inheritable and permitted.
        ulong kept = current.Permitted;
        AddCapset(calls, kept, kept, wanted.Inheritable);
        calls.Add(SyscallNumber.prctl, "ambient set", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
        for (int capability = 0; capability < 64; capability++)
        {
            if ((wanted.Ambient >> capability & 1) != 0)
                calls.Add(SyscallNumber.prctl, $"ambient capability {capability}", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (ulong)capability);
        }
        // 5. Securebits, while CAP_SETPCAP is there; last the capabilities themselves.
        if (maySetBits)
            calls.Add(SyscallNumber.prctl, "securebits", PR_SET_SECUREBITS, wanted.SecureBits);
        AddCapset(calls, wanted.Effective, wanted.Permitted, wanted.Inheritable);
    }

    private static void AddCapset(CallTable calls, ulong effective, ulong permitted, ulong inheritable)
    {
        RemoteAddress data = calls.Data(CapabilityCall.Of(effective, permitted, inheritable));
        calls.Add(SyscallNumber.capset, "capabilities", data.Value, data.Value + CapabilityCall.DataOffset);
    }

    private static bool Same(CredentialsRecord a, CredentialsRecord b) =>
        a.Groups.SequenceEqual(b.Groups) && a with { Groups = [], NoNewPrivileges = false } == b with { Groups = [], NoNewPrivileges = false };
}
