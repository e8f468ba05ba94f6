using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Host;

/// <summary>Credentials as /proc/TID/status shows them, and the securebits that only the thread itself can ask for.</summary>
internal static class CredentialFacts
{
    private const int PR_GET_SECUREBITS = 27;

    /// <summary>Those of this process, which the seed and all made from it begin with.</summary>
    public static CredentialsRecord Own() =>
        Of(ProcStatus.Of(Environment.ProcessId), (uint)RawSyscall.Call(SyscallNumber.prctl, "securebits", PR_GET_SECUREBITS));

    public static CredentialsRecord Of(ProcStatus status, uint secureBits)
    {
        uint[] uid = status.Numbers("Uid");
        uint[] gid = status.Numbers("Gid");
        return new CredentialsRecord
        {
            RealUid = uid[0],
            EffectiveUid = uid[1],
            SavedUid = uid[2],
            FileUid = uid[3],
            RealGid = gid[0],
            EffectiveGid = gid[1],
            SavedGid = gid[2],
            FileGid = gid[3],
            Groups = status.Numbers("Groups"),
            Inheritable = status.Hex("CapInh"),
            Permitted = status.Hex("CapPrm"),
            Effective = status.Hex("CapEff"),
            Bounding = status.Hex("CapBnd"),
            Ambient = status.Hex("CapAmb"),
            SecureBits = secureBits,
            NoNewPrivileges = status.Number("NoNewPrivs") != 0,
        };
    }
}
