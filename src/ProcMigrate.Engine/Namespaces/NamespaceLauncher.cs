using System.Collections;
using System.Globalization;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// Runs this very command once more inside namespaces, as a child of ours with our streams. A process with threads, as every .NET
/// program is, cannot enter a user, mount or time namespace; so a seed does it under our hand, and becomes the command by
/// execve(2) at last. Until then a failure, or our death, leaves nothing behind.
/// The mounts that it becomes the command in are always a copy of ours: the dynamic linker, the libraries and /etc/ld.so.preload are
/// looked up by name, and in those of a tree somebody else may have put others there.
/// </summary>
internal sealed class NamespaceLauncher : IDisposable
{
    private const ulong CLONE_PARENT = 0x8000;
    private const ulong CLOSE_RANGE_CLOEXEC = 4;
    private const ulong AT_EMPTY_PATH = 0x1000;
    // MS_NOSUID, MS_NODEV, MS_NOEXEC.
    private const ulong ProcFlags = 2 | 4 | 8;

    // MS_SLAVE, MS_REC.
    private const ulong SlaveRecursively = 0x8_0000 | 0x4000;
    private const ulong PR_SET_PDEATHSIG = 1;
    private const ulong PR_SET_NAME = 15;
    private const int SIGKILL = 9;
    private const int SIGPIPE = 13;
    private const ulong SeedAddress = 0x1_0000_0000;
    private const ulong AreaAddress = 0x1_1000_0000;

    private readonly DescriptorChannel _channel = DescriptorChannel.Create();
    private readonly List<Descriptor> _inherited = [];
    private readonly List<int> _made = [];
    private readonly Descriptor? _image;
    private readonly TreeNamespaces? _target;
    private readonly Descriptor _program;
    private readonly Descriptor _outerProc;
    private readonly Descriptor _init;
    private readonly Seed _seed;
    private readonly RestorerArea _area = new(0, new RemoteAddress(AreaAddress));

    /// <summary>For namespaces yet to be made.</summary>
    /// <param name="root">What the tree's root is called in a new pid namespace.</param>
    /// <param name="image">A descriptor of the image that the command inside is to have under the same number.</param>
    public NamespaceLauncher(int root, Descriptor? image)
        : this(root, image, null)
    {
    }

    /// <summary>For the namespaces of a tree.</summary>
    public NamespaceLauncher(TreeNamespaces target)
        : this(0, null, target)
    {
    }

    private NamespaceLauncher(int root, Descriptor? image, TreeNamespaces? target)
    {
        _target = target;
        foreach ((NamespaceFile file, _) in target?.Entered ?? [])
            Inherited(file.Descriptor);
        if (target?.View is { } view)
            Inherited(view.Descriptor);
        _program = Inherited(FileCalls.Open("/proc/self/exe", OpenFlags.O_RDONLY));
        _outerProc = Inherited(FileCalls.Open("/proc", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY));
        _init = Inherited(InitProgram.Create(root));
        _image = image is null ? null : Inherited(image);
        _seed = Seed.Spawn(new RemoteAddress(SeedAddress), new RemoteAddress(AreaAddress), _channel);
    }

    /// <summary>Process 1 of the pid namespace that was made; 0 where none was.</summary>
    public int Init { get; private set; }

    /// <summary>Makes the namespaces and starts the command in them.</summary>
    /// <param name="taken">Pids that the tree will have.</param>
    /// <param name="ownGroup">Whether the command leads a process group of its own, as a shell's job does.</param>
    /// <returns>The command: a child of ours, and no tracee any more.</returns>
    public int StartInNew(RestoreNamespaces wanted, List<int> taken, bool ownGroup)
    {
        OwnedThread seed = _seed.Thread;
        Unshare(seed, wanted);
        Mount(seed, "none", "/", "", SlaveRecursively);
        if (wanted.Pid)
            Init = Clone("process 1 of a pid namespace", 0).Tid;
        int room = wanted.Pid ? PidRoom.Find(taken) : 0;
        OwnedThread command = Clone("the command inside the namespaces", room);
        Mount(command, ProcDevice, "/proc", "proc", ProcFlags);
        if (wanted.Pid)
        {
            WriteFile(command, "/proc/sys/kernel/ns_last_pid", room.ToString(CultureInfo.InvariantCulture));
            BecomeInit(new OwnedThread(Init, seed.SyscallInstruction));
        }
        if (wanted.User)
            UserNamespace.KeepCapabilities(command, _area.Data);
        // A group of the outside has no number inside, by which it could be given a terminal back.
        if (ownGroup)
            command.Call(SyscallNumber.setpgid, "the group of the command inside", 0, 0);
        BecomeCommand(command, [], wanted.Ipc, null);
        return command.Tid;
    }

    /// <summary>Tries what an ordinary user's restore needs: a user, pid and mount namespace with a /proc of its own.</summary>
    public static void Probe()
    {
        using var launcher = new NamespaceLauncher(1, null);
        Unshare(launcher._seed.Thread, new RestoreNamespaces { Pid = true, User = true });
        launcher.Mount(launcher.Clone("process 1 of a pid namespace", 0), ProcDevice, "/proc", "proc", ProcFlags);
    }

    /// <summary>Starts the command in the namespaces of the tree, and in a copy of our mounts with their /proc.</summary>
    /// <returns>The command: a child of ours, and no tracee any more.</returns>
    public int StartInTarget()
    {
        TreeNamespaces target = _target!;
        OwnedThread seed = _seed.Thread;
        bool ofUser = false;
        foreach ((NamespaceFile file, ulong flag) in target.Entered)
        {
            seed.Call(SyscallNumber.setns, file.Name, (ulong)file.Descriptor.Number, flag);
            ofUser |= flag == RestoreNamespaces.CLONE_NEWUSER;
        }
        if (ofUser)
            RequireOwnIds(seed.Tid);
        seed.Call(SyscallNumber.unshare, "a mount namespace", RestoreNamespaces.CLONE_NEWNS);
        Mount(seed, "none", "/", "", SlaveRecursively);
        OwnedThread command = Clone("the command inside the namespaces", 0);
        Mount(command, ProcDevice, "/proc", "proc", ProcFlags);
        if (ofUser)
            UserNamespace.KeepCapabilities(command, _area.Data);
        BecomeCommand(command, target.InnerPids, target.OwnsIpc, target);
        return command.Tid;
    }

    /// <summary>As it has been asked of a process in the namespace; now of ourselves, who cannot go elsewhere meanwhile.</summary>
    private static void RequireOwnIds(int tid)
    {
        if (!EntryRules.KnowsOnly(RawSyscall.Call(SyscallNumber.geteuid, "this process"), tid))
            throw new EngineException("NamespaceRefused", FailureClass.PrivilegeMissing, "The user namespace of the tree has other ids in it than the caller's.");
    }

    /// <summary>What /proc/mounts shows as the device of a /proc that we have mounted. It tells people; nothing depends on it.</summary>
    private const string ProcDevice = "procmigrate";

    /// <summary>What has not become itself yet ends.</summary>
    public void Dispose()
    {
        foreach (int pid in _made)
            OwnedProcess.Kill(pid);
        _made.Clear();
        _seed.Dispose();
        _channel.Dispose();
        _inherited.ForEach(f => f.Dispose());
    }

    private static void Unshare(OwnedThread seed, RestoreNamespaces wanted)
    {
        long result = seed.Try(SyscallNumber.unshare, wanted.Flags);
        if (result < 0)
        {
            throw new EngineException(
                "NamespaceRefused", FailureClass.PrivilegeMissing,
                $"This kernel does not let this user make the namespaces that the restore needs: unshare: {Errno.Describe((int)-result)}. "
                + (wanted.User ? "Without root that takes unprivileged user namespaces; 'procmigrate doctor' tells whether they are switched off." : "It takes CAP_SYS_ADMIN."));
        }
        if (wanted.User)
            UserNamespace.Map(seed);
        if (wanted.TimeOffsets is { } offsets)
        {
            foreach (string line in offsets.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                FileCalls.WriteText($"/proc/{seed.Tid}/timens_offsets", line);
        }
    }

    /// <summary>A sibling of the seed: our child, wherever the kernel puts children of the seed.</summary>
    private OwnedThread Clone(string what, int pid)
    {
        int made = _seed.Thread.Clone(_area.Data, CLONE_PARENT, 0, pid, what);
        _made.Add(made);
        return new OwnedThread(made, _seed.Thread.SyscallInstruction);
    }

    private void BecomeInit(OwnedThread init)
    {
        init.Call(SyscallNumber.setsid, "a session of process 1");
        init.Call(SyscallNumber.chdir, "/", Text(init, 0, "/").Value);
        init.Call(SyscallNumber.close_range, "process 1 without files", 0, uint.MaxValue, CLOSE_RANGE_CLOEXEC);
        Execute(init, _init, [InitProgram.Name], []);
        UserRegisters entry = Tracer.GetRegisters(init.Tid);
        init.SyscallInstruction = InitProgram.SyscallInstruction;
        ProcessMemory.WriteFast(init.Tid, InitProgram.Spare, CString.Of(InitProgram.Name));
        init.Call(SyscallNumber.prctl, "the name of process 1", PR_SET_NAME, InitProgram.Spare.Value);
        Tracer.SetRegisters(init.Tid, entry);
        Tracer.Detach(init.Tid);
        _made.Remove(init.Tid);
    }

    private void BecomeCommand(OwnedThread command, IEnumerable<int> pids, bool ownsIpc, TreeNamespaces? target)
    {
        const ulong F_SETFD = 2, FD_CLOEXEC = 1, SIG_SETMASK = 2;
        foreach (Descriptor file in _inherited)
        {
            if (file != _outerProc && file != _image && file != target?.View?.Descriptor)
                command.Call(SyscallNumber.fcntl, "descriptors of the launch", (ulong)file.Number, F_SETFD, FD_CLOEXEC);
        }
        command.Call(SyscallNumber.close, "the launch's channel", Inject.X64.RestorerCode.ChannelFd);
        command.Call(SyscallNumber.prctl, "the end with its parent", PR_SET_PDEATHSIG, SIGKILL);
        // What nohup and shells have us ignore, the command ignores, too; SIGPIPE is the .NET runtime's own.
        ulong ignored = ProcStatus.Of(Environment.ProcessId).Hex("SigIgn") & ~(1UL << (SIGPIPE - 1));
        for (int signal = 1; signal <= 64; signal++)
        {
            if ((ignored >> (signal - 1) & 1) == 0)
                continue;
            ProcessMemory.WriteFast(command.Tid, _area.Data, [1, .. new byte[31]]);
            command.Call(SyscallNumber.rt_sigaction, $"signal {signal} ignored", (ulong)signal, _area.Data.Value, 0, sizeof(ulong));
        }
        ProcessMemory.WriteFast(command.Tid, _area.Data, new byte[sizeof(ulong)]);
        command.Call(SyscallNumber.rt_sigprocmask, "no signals blocked", SIG_SETMASK, _area.Data.Value, 0, sizeof(ulong));
        var environment = new List<string> { InsideNamespaces.Describe(_outerProc.Number, _image?.Number, pids, ownsIpc, target) };
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            environment.Add($"{variable.Key}={variable.Value}");
        string[] arguments = FileCalls.ReadText("/proc/self/cmdline").Split('\0')[..^1];
        Execute(command, _program, arguments, environment);
        Tracer.Detach(command.Tid);
        _made.Remove(command.Tid);
    }

    /// <summary>execveat(2), which the thread comes out of at the first instruction of the new program.</summary>
    private static void Execute(OwnedThread thread, Descriptor program, string[] arguments, List<string> environment)
    {
        const ulong PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS = 0x22;
        var texts = new List<byte>();
        var pointers = new List<ulong>();
        foreach (IReadOnlyList<string> list in (IReadOnlyList<string>[])[arguments, environment])
        {
            foreach (string text in list)
            {
                pointers.Add((ulong)texts.Count);
                texts.AddRange(CString.Of(text));
            }
            pointers.Add(ulong.MaxValue);
        }
        int empty = texts.Count;
        texts.Add(0);
        ulong length = PageSize.RoundUp((ulong)(texts.Count + 8 + pointers.Count * sizeof(ulong)));
        ulong place = (ulong)thread.Call(SyscallNumber.mmap, "arguments", 0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, ulong.MaxValue);
        ulong table = place + ((ulong)texts.Count + 7 & ~7UL);
        byte[] block = new byte[length];
        texts.CopyTo(block);
        for (int i = 0; i < pointers.Count; i++)
            BitConverter.TryWriteBytes(block.AsSpan((int)(table - place) + i * sizeof(ulong)), pointers[i] == ulong.MaxValue ? 0 : place + pointers[i]);
        ProcessMemory.WriteFast(thread.Tid, new RemoteAddress(place), block);
        thread.Call(
            SyscallNumber.execveat, arguments[0], (ulong)program.Number, place + (ulong)empty, table,
            table + (ulong)(arguments.Length + 1) * sizeof(ulong), AT_EMPTY_PATH);
    }

    private void Mount(OwnedThread thread, string device, string folder, string type, ulong flags)
    {
        long result = thread.Try(
            SyscallNumber.mount, Text(thread, 0, device).Value, Text(thread, 64, folder).Value, Text(thread, 128, type).Value, flags);
        if (result == -Errno.EPERM)
        {
            throw new EngineException(
                "NamespaceRefused", FailureClass.PrivilegeMissing,
                $"A {(type.Length == 0 ? "private view of the mounts" : "/proc of the tree's own")} cannot be mounted: the kernel lets no user namespace do so where parts of /proc are "
                + "hidden (as in most containers). Run it as root, or outside the container.");
        }
        RawSyscall.Check(result, "mount", folder);
    }

    private void WriteFile(OwnedThread thread, string path, string text)
    {
        ulong file = (ulong)thread.Call(SyscallNumber.open, path, Text(thread, 0, path).Value, (ulong)OpenFlags.O_WRONLY);
        thread.Call(SyscallNumber.write, path, file, Text(thread, 128, text).Value, (ulong)text.Length);
        thread.Call(SyscallNumber.close, path, file);
    }

    private RemoteAddress Text(OwnedThread thread, int offset, string text)
    {
        ProcessMemory.WriteFast(thread.Tid, _area.Data + (ulong)offset, CString.Of(text));
        return _area.Data + (ulong)offset;
    }

    /// <summary>A descriptor of ours that the seed is born with.</summary>
    private Descriptor Inherited(Descriptor file)
    {
        _inherited.Add(file);
        FileCalls.ClearCloseOnExec(file);
        return file;
    }
}
