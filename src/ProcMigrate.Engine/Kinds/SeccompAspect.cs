using System.Runtime.InteropServices;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Seccomp filters, per thread. They are installed while this command's rights are there (without no_new_privs it takes
/// CAP_SYS_ADMIN) and lie suspended until the threads are let go. What all threads have in common is installed for all at
/// once, as one filter that they share: only then may the program itself synchronise further ones (SECCOMP_FILTER_FLAG_TSYNC).
/// </summary>
internal sealed class SeccompAspect : ProcessAspect
{
    private const ulong SECCOMP_SET_MODE_FILTER = 1;
    private const ulong SECCOMP_FILTER_FLAG_TSYNC = 1;

    public override string Name => "seccomp";

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        List<SeccompProgram> programs = [];
        var threads = new Dictionary<int, List<int>>();
        foreach (TracedThread thread in process.Threads)
        {
            // Strict mode, which has no filter, is a blocker of the thread that was to make calls.
            if (ProcStatus.Of(thread.Tid).TryText("Seccomp") is null or "0" or "1")
                continue;
            threads[thread.Tid] = [.. SeccompProgram.Of(thread.Tid).Select(p => NumberOf(p, programs))];
        }
        if (threads.Count == 0)
            return null;
        if (programs.Any(p => new SeccompFilter(p.Code).AsksSupervisor()))
        {
            context.Block(new Blocker(
                "SeccompListener", process.Pid, null, "a seccomp filter with SECCOMP_RET_USER_NOTIF",
                "another process decides about its system calls, through a listener that cannot be made again", "start it without that supervisor"));
            return null;
        }
        var state = new SeccompState { Programs = [.. programs.Select(p => p.Code)], Flags = [.. programs.Select(p => p.Flags)], Threads = threads };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.SeccompState);
    }

    public override void RestoreBeforeCredentials(JsonElement state, ProcessInMaking process)
    {
        SeccompState wanted = RestoreContext.Parse(Name, state, StateJson.Default.SeccompState);
        foreach (OwnedThread thread in process.Threads)
            Tracer.SetOptions(thread.Tid, Seed.Options | PtraceOptions.SuspendSeccomp);
        List<List<int>> lists = [.. process.Threads.Select(t => wanted.Threads.GetValueOrDefault(t.Tid) ?? [])];
        int common = 0;
        while (lists.All(l => l.Count > common && l[common] == lists[0][common]))
            common++;
        ulong shared = process.Threads.Count > 1 ? SECCOMP_FILTER_FLAG_TSYNC : 0;
        for (int i = 0; i < common; i++)
            Install(wanted, lists[0][i], process.Leader, shared, process);
        for (int t = 0; t < lists.Count; t++)
        {
            foreach (int program in lists[t].Skip(common))
                Install(wanted, program, process.Threads[t], 0, process);
        }
    }

    private static void Install(SeccompState state, int program, OwnedThread thread, ulong flags, ProcessInMaking process)
    {
        if (program < 0 || program >= state.Programs.Count || program >= state.Flags.Count)
            throw RestoreContext.Damaged($"seccomp filter {program} of process {process.Record.Pid} is missing");
        byte[] code = state.Programs[program];
        int header = Marshal.SizeOf<FilterProgram>();
        byte[] data = new byte[header + code.Length];
        code.CopyTo(data, header);
        RemoteAddress at = process.Area.Data;
        MemoryMarshal.Write(data, new FilterProgram
        {
            len = (ushort)(code.Length / Marshal.SizeOf<FilterInstruction>()),
            filter = at.Value + (ulong)header,
        });
        Linux.Memory.ProcessMemory.WriteFast(process.Area.Pid, at, data);
        thread.Call(
            SyscallNumber.seccomp, $"the seccomp filter of thread {thread.Tid}", SECCOMP_SET_MODE_FILTER, flags | state.Flags[program], at.Value);
    }

    private static int NumberOf(SeccompProgram program, List<SeccompProgram> programs)
    {
        int known = programs.FindIndex(p => p.Flags == program.Flags && p.Code.AsSpan().SequenceEqual(program.Code));
        if (known >= 0)
            return known;
        programs.Add(program);
        return programs.Count - 1;
    }
}

/// <summary>Programs once each; Threads has the numbers of each thread's programs, the oldest first.</summary>
internal sealed record SeccompState
{
    public required IReadOnlyList<byte[]> Programs { get; init; }
    public required IReadOnlyList<uint> Flags { get; init; }
    public required IReadOnlyDictionary<int, List<int>> Threads { get; init; }
}
