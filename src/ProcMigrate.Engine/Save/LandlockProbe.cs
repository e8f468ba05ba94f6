using System.Runtime.InteropServices;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// Finds threads in a Landlock domain, which nothing under /proc shows (Linux 6.18). What gives them away: whatever a domain
/// restricts, its threads may look only at processes in it (landlock(7), "Ptrace restrictions"). So the thread is made to
/// compare itself by kcmp(2), which asks for that right and changes nothing, with a process that is certainly outside:
/// 1. with this command, which is enough where thread and command have the same rights;
/// 2. if that is refused, with a process of ours that has the user and no more capabilities than the thread: nothing but a domain is left
///    as a reason, where both are in the same user namespace and have the same label of any other security module.
/// </summary>
internal sealed class LandlockProbe : IDisposable
{
    private const ulong PR_SET_DUMPABLE = 4;
    private const ulong SeedAddress = 0x1_0000_0000;
    private const ulong AreaAddress = 0x1_1000_0000;

    private readonly Dictionary<(uint Uid, uint Gid, ulong Permitted), Outsider> _outsiders = [];

    /// <returns>False as well where it cannot be told: where the thread lives in other namespaces, or may not call kcmp.</returns>
    public bool IsRestricted(int tid, CredentialsRecord credentials, RemoteCalls calls)
    {
        if (!calls.MayCall(SyscallNumber.kcmp) || MayLookAt(tid, Environment.ProcessId, calls) || IsApart(tid))
            return false;
        (uint, uint, ulong) key = (credentials.RealUid, credentials.RealGid, credentials.Permitted);
        if (!_outsiders.TryGetValue(key, out Outsider? outsider))
            _outsiders[key] = outsider = new Outsider(credentials);
        return outsider.IsAlike && !MayLookAt(tid, outsider.Pid, calls);
    }

    public void Dispose()
    {
        foreach (Outsider outsider in _outsiders.Values)
            outsider.Dispose();
    }

    /// <summary>Any other error says that kcmp is not to be had, or does not see the process.</summary>
    private static bool MayLookAt(int tid, int pid, RemoteCalls calls) =>
        calls.Try(SyscallNumber.kcmp, (ulong)tid, (ulong)pid, Kcmp.KCMP_VM) != -Errno.EPERM;

    /// <summary>Whether something else than Landlock may keep it from looking at processes of this namespace.</summary>
    private static bool IsApart(int tid) =>
        ProcFolders.Namespace(tid, "user") != ProcFolders.Namespace(Environment.ProcessId, "user")
        || ProcFolders.Namespace(tid, "pid") != ProcFolders.Namespace(Environment.ProcessId, "pid")
        || Label($"/proc/{tid}/attr/current") != Label("/proc/self/attr/current");

    private static string Label(string path)
    {
        try
        {
            return FileCalls.ReadText(path);
        }
        catch (LinuxException e) when (e.Errno is Errno.EINVAL or Errno.ENOENT)
        {
            // No security module that gives labels.
            return "";
        }
    }

    /// <summary>A process that stands still, and may be looked at by those who have its user and its capabilities.</summary>
    private sealed class Outsider : IDisposable
    {
        private readonly DescriptorChannel _channel = DescriptorChannel.Create();
        private readonly Seed _seed;

        public Outsider(CredentialsRecord like)
        {
            _seed = Seed.Spawn(new RemoteAddress(SeedAddress), new RemoteAddress(AreaAddress), _channel);
            OwnedThread thread = _seed.Thread;
            (ulong uid, ulong gid) = (like.RealUid, like.RealGid);
            // Capabilities last, as the changes of group and user need some. Of another user than root, the thread gets along without any.
            CredentialsRecord own = CredentialFacts.Own();
            ulong capabilities = uid == 0 ? own.Permitted & like.Permitted : 0;
            var area = new RestorerArea(thread.Tid, new RemoteAddress(AreaAddress));
            LetGoOfOurs(thread, area, isOurs: (like.RealUid, like.RealGid) == (own.RealUid, own.RealGid));
            RemoteAddress sets = area.WriteData(0, MemoryMarshal.AsBytes([CapabilityCall.Of(capabilities, capabilities, 0)]));
            IsAlike = thread.Try(SyscallNumber.setresgid, gid, gid, gid) == 0
                && thread.Try(SyscallNumber.setresuid, uid, uid, uid) == 0
                && thread.Try(SyscallNumber.capset, sets.Value, sets.Value + CapabilityCall.DataOffset) == 0
                // The kernel hides it from others since its user changed.
                && thread.Try(SyscallNumber.prctl, PR_SET_DUMPABLE, 1) == 0;
        }

        /// <summary>
        /// What it has inherited from this command is at its user's disposal from here on: descriptors by pidfd_getfd(2), the working
        /// folder by /proc/PID/cwd, which leads past the folders above it.
        /// </summary>
        private static void LetGoOfOurs(OwnedThread thread, RestorerArea area, bool isOurs)
        {
            const string What = "a process to be compared with";
            thread.Call(SyscallNumber.close_range, What, 0, uint.MaxValue, 0);
            thread.Call(SyscallNumber.chdir, What, area.WriteData(0, CString.Of("/")).Value);
            if (!isOurs && Privileges.Has(Capability.CAP_SETGID) && !UserNamespace.IsOwn)
                thread.Call(SyscallNumber.setgroups, What, 0, 0);
        }

        public int Pid => _seed.Thread.Tid;

        /// <summary>False where this command may not make it so: then it says nothing about the thread.</summary>
        public bool IsAlike { get; }

        public void Dispose()
        {
            _seed.Dispose();
            _channel.Dispose();
        }
    }
}
