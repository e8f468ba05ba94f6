using System.Globalization;
using System.Runtime.InteropServices;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>A user namespace as an ordinary user may make one (user_namespaces(7)): it knows that user's id and group, and no others.</summary>
internal static class UserNamespace
{
    private const ulong PR_CAP_AMBIENT = 47;
    private const ulong PR_CAP_AMBIENT_RAISE = 2;

    /// <summary>Whether this process lives in one; then its capabilities are none over what belongs to the host.</summary>
    public static bool IsOwn { get; } = !FileCalls.ReadText("/proc/self/uid_map").Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .AsSpan().SequenceEqual(["0", "0", "4294967295\n"]);

    /// <summary>Maps the caller's ids to themselves, so that they are inside what they were outside.</summary>
    public static void Map(OwnedThread thread)
    {
        nint uid = (nint)RawSyscall.Call(SyscallNumber.geteuid, "this process"), gid = (nint)RawSyscall.Call(SyscallNumber.getegid, "this process");
        string proc = string.Create(CultureInfo.InvariantCulture, $"/proc/{thread.Tid}/");
        FileCalls.WriteText(proc + "uid_map", string.Create(CultureInfo.InvariantCulture, $"{uid} {uid} 1"));
        FileCalls.WriteText(proc + "setgroups", "deny");
        FileCalls.WriteText(proc + "gid_map", string.Create(CultureInfo.InvariantCulture, $"{gid} {gid} 1"));
    }

    /// <summary>An exec takes a user other than 0 its capabilities, unless they are ambient.</summary>
    public static void KeepCapabilities(OwnedThread thread, RemoteAddress data)
    {
        const string What = "capabilities in a user namespace";
        ulong all = ProcStatus.Of(thread.Tid).Hex("CapPrm");
        CapabilityCall call = CapabilityCall.Of(all, all, all);
        ProcessMemory.WriteFast(thread.Tid, data, MemoryMarshal.AsBytes(new ReadOnlySpan<CapabilityCall>(in call)));
        thread.Call(SyscallNumber.capset, What, data.Value, data.Value + CapabilityCall.DataOffset);
        for (int capability = 0; capability < 64; capability++)
        {
            if ((all >> capability & 1) != 0)
                thread.Call(SyscallNumber.prctl, What, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (ulong)capability);
        }
    }
}
