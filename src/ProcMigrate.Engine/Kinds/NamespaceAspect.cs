using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Namespaces that a process can make and join by itself, and whose content is small: host name (uts), clocks (time), and
/// System V objects (ipc) as long as there are none. What the others hold is a blocker (<see cref="ProcessBlockers"/>).
/// </summary>
internal sealed class NamespaceAspect : ProcessAspect
{
    private const ulong CLONE_NEWTIME = 0x80;
    private const ulong CLONE_NEWUTS = 0x04000000;
    private const ulong CLONE_NEWIPC = 0x08000000;

    public override string Name => "namespaces";

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        var state = new NamespaceState
        {
            Uts = Other(process.Pid, "uts") is { } uts ? CaptureUts(uts, calls) : null,
            Ipc = Other(process.Pid, "ipc") is { } ipc && CaptureIpc(process.Pid, calls, context) ? ipc : null,
            Time = CaptureTime(process, context),
        };
        return state is { Uts: null, Ipc: null, Time: null }
            ? null
            : JsonSerializer.SerializeToElement(state, StateJson.Default.NamespaceState);
    }

    public override void RestoreAfterDescriptors(JsonElement state, ProcessInMaking process)
    {
        NamespaceState spaces = Parse(state);
        if (spaces.Uts is { } uts && EnterOrMake(process, uts.Identity, "uts", CLONE_NEWUTS))
        {
            SetName(process, SyscallNumber.sethostname, uts.HostName);
            SetName(process, SyscallNumber.setdomainname, uts.DomainName);
        }
        if (spaces.Ipc is { } ipc)
            EnterOrMake(process, ipc, "ipc", CLONE_NEWIPC);
        if (spaces.Time is { } time)
            RestoreTime(process, time);
    }

    /// <summary>Whether a process lived in a time namespace other than the save's: then it gets one by itself.</summary>
    public static bool HasTimeOfItsOwn(ProcessRecord process) =>
        process.Aspects.TryGetValue("namespaces", out JsonElement state) && Parse(state).Time is { OnlyForChildren: false };

    private static NamespaceState Parse(JsonElement state) => RestoreContext.Parse("namespaces", state, StateJson.Default.NamespaceState);

    /// <returns>The namespace's name, or null where it is ours: then a restored process is in the right one by birth.</returns>
    private static string? Other(int pid, string name)
    {
        try
        {
            string its = ProcFolders.Namespace(pid, name);
            return its == ProcFolders.Namespace(Environment.ProcessId, name) ? null : its;
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            // A kernel without this kind of namespace.
            return null;
        }
    }

    private static UtsState CaptureUts(string identity, RemoteCalls calls)
    {
        // struct new_utsname: sysname, nodename, release, version, machine, domainname, 65 bytes each.
        const int FieldSize = 65, NodeName = 1, DomainName = 5, Fields = 6;
        calls.Call(SyscallNumber.uname, calls.Scratch.Value);
        byte[] names = new byte[Fields * FieldSize];
        calls.ReadScratch(names);
        string Field(int index)
        {
            ReadOnlySpan<byte> field = names.AsSpan(index * FieldSize, FieldSize);
            return CString.Decode(field[..field.IndexOf((byte)0)]);
        }
        return new UtsState { Identity = identity, HostName = Field(NodeName), DomainName = Field(DomainName) };
    }

    private static bool CaptureIpc(int pid, RemoteCalls calls, SaveContext context)
    {
        // The highest index in use is the result of each, 0 for none as for one: so the counts in the answers are what tells.
        const ulong SHM_INFO = 14, SEM_INFO = 19, MSG_INFO = 12;
        calls.Call(SyscallNumber.shmctl, 0, SHM_INFO, calls.Scratch.Value);
        int memories = calls.ReadScratch<int>();
        calls.Call(SyscallNumber.semctl, 0, 0, SEM_INFO, calls.Scratch.Value);
        // struct seminfo: semusz, the eighth int, counts the sets in use.
        int semaphores = calls.ReadScratch<int>(7 * sizeof(int));
        calls.Call(SyscallNumber.msgctl, 0, MSG_INFO, calls.Scratch.Value);
        int queues = calls.ReadScratch<int>();
        if (memories + semaphores + queues == 0)
            return true;
        context.Block(new Blocker(
            "IpcNamespace", pid, null,
            $"{memories} shared memories, {semaphores} semaphore sets and {queues} message queues in an ipc namespace of its own",
            "the content of ipc namespaces made inside the tree is not carried", "let the program remove them"));
        return false;
    }

    private static TimeState? CaptureTime(TracedProcess process, SaveContext context)
    {
        string? own = Other(process.Pid, "time"), forChildren = Other(process.Pid, "time_for_children");
        if (own is null && forChildren is null)
            return null;
        if (own is not null && own != forChildren)
        {
            context.Block(new Blocker(
                "TimeNamespace", process.Pid, null, $"{own}, {forChildren} for its children",
                "the process is in one time namespace and its children will be in another; the kernel shows the clocks of the latter only",
                "save it after it has started its children, or before unshare"));
            return null;
        }
        return new TimeState
        {
            Identity = forChildren!,
            Offsets = FileCalls.ReadText($"/proc/{process.Pid}/timens_offsets"),
            OnlyForChildren = own is null,
        };
    }

    private static void RestoreTime(ProcessInMaking process, TimeState time)
    {
        Dictionary<string, string> known = Known(process);
        if (!known.TryGetValue(time.Identity, out string? path))
        {
            process.Leader.Call(SyscallNumber.unshare, "a time namespace", CLONE_NEWTIME);
            int pid = process.Record.Pid;
            TreeClocks.Of(process.Context).Moved(ClockOffsets.Parse(time.Offsets)).Write(pid);
            path = known[time.Identity] = $"/proc/{pid}/ns/time_for_children";
        }
        else if (time.OnlyForChildren)
        {
            throw new EngineException(
                "TimeNamespaceShared", FailureClass.Failed,
                $"Process {process.Record.Pid} keeps a time namespace for children only that another process is in; that cannot be made again.");
        }
        if (!time.OnlyForChildren)
            Enter(process, path, CLONE_NEWTIME);
    }

    /// <returns>True where the namespace was made by this call: then it wants its content.</returns>
    private static bool EnterOrMake(ProcessInMaking process, string identity, string name, ulong flag)
    {
        Dictionary<string, string> known = Known(process);
        if (known.TryGetValue(identity, out string? path))
        {
            Enter(process, path, flag);
            return false;
        }
        process.Leader.Call(SyscallNumber.unshare, $"{name} namespace of process {process.Record.Pid}", flag);
        known[identity] = string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Record.Pid}/ns/{name}");
        return true;
    }

    private static void Enter(ProcessInMaking process, string path, ulong flag)
    {
        RemoteAddress data = process.Area.Data;
        ProcessMemory.WriteFast(process.Record.Pid, data, CString.Of(path));
        ulong fd = (ulong)process.Leader.Call(SyscallNumber.open, path, data.Value, (ulong)OpenFlags.O_CLOEXEC);
        process.Leader.Call(SyscallNumber.setns, path, fd, flag);
        process.Leader.Call(SyscallNumber.close, path, fd);
    }

    private static void SetName(ProcessInMaking process, SyscallNumber call, string name)
    {
        byte[] bytes = CString.Of(name);
        ProcessMemory.WriteFast(process.Record.Pid, process.Area.Data, bytes);
        process.Leader.Call(call, name, process.Area.Data.Value, (ulong)bytes.Length - 1);
    }

    /// <summary>Namespaces made so far: their old names, and the way to them now.</summary>
    private static Dictionary<string, string> Known(ProcessInMaking process) =>
        process.Context.Shared("namespaces", () => new Dictionary<string, string>());
}

/// <summary>The namespaces of a process that differ from those of the save; null where they do not.</summary>
internal sealed record NamespaceState
{
    public UtsState? Uts { get; init; }
    public string? Ipc { get; init; }
    public TimeState? Time { get; init; }
}

internal sealed record UtsState
{
    public required string Identity { get; init; }
    public required string HostName { get; init; }
    public required string DomainName { get; init; }
}

/// <summary>Offsets is the text of /proc/PID/timens_offsets.</summary>
internal sealed record TimeState
{
    public required string Identity { get; init; }
    public required string Offsets { get; init; }

    /// <summary>The process has made it by unshare(2), which only its children enter.</summary>
    public required bool OnlyForChildren { get; init; }
}
