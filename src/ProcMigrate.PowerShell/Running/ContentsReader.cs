using System.Buffers.Binary;
using System.Text.Json;
using ProcMigrate.Image.Records;

namespace ProcMigrate.PowerShell.Running;

/// <summary>
/// Processes of an image from what inspect says, and with --detailed from the image's own records. Their lists are arrays: what the
/// compiler makes of a collection expression for an interface has no indexer that PowerShell finds, and [0] would give the list again.
/// </summary>
internal static class ContentsReader
{
    // struct user_regs_struct: the 16th and 19th word.
    private const int RipOffset = 16 * 8;
    private const int RspOffset = 19 * 8;

    private static readonly string[] Policies =
        ["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "4", "SCHED_IDLE", "SCHED_DEADLINE", "SCHED_EXT"];

    public static ImageProcess[] Processes(AnswerContents contents, JsonElement? tree)
    {
        var records = tree?.Deserialize(ImageJson.Default.TreeRecord);
        var objects = records?.Objects.ToDictionary(item => item.Id) ?? [];
        var depths = Depths(contents.Processes);
        return
        [
            .. contents.Processes.Select(process =>
            {
                var record = records?.Processes.FirstOrDefault(candidate => candidate.Pid == process.Pid);
                return record is null ? Plain(process, depths[process.Pid]) : Detailed(process, depths[process.Pid], record, objects);
            }),
        ];
    }

    private static ImageProcess Plain(AnswerProcessContents process, int depth) => new()
    {
        ProcessId = process.Pid,
        ParentId = process.ParentPid,
        Depth = depth,
        ProgramName = process.Name,
        Threads = process.Threads.Count,
        CommandLine = process.CommandLine,
        Memory = process.MemoryBytes,
        Stopped = process.Stopped,
        MemoryBySort = Sorts(process),
        ThreadList = process.Threads
            .Select(thread => new ImageThread { ProcessId = process.Pid, ThreadId = thread.Tid, ThreadName = thread.Name })
            .ToArray(),
        Descriptors = process.Descriptors
            .Select(descriptor => new ImageDescriptor
            {
                ProcessId = process.Pid,
                Descriptor = descriptor.Fd,
                Kind = descriptor.Kind,
                Title = descriptor.Title,
            })
            .ToArray(),
    };

    private static ImageProcess Detailed(
        AnswerProcessContents process, int depth, ProcessRecord record, Dictionary<int, ObjectRecord> objects)
    {
        var mappings = Mappings(process, record, objects);
        var leader = record.Threads is [var first, ..] ? first : null;
        return new()
        {
            ProcessId = process.Pid,
            ParentId = process.ParentPid,
            Depth = depth,
            ProgramName = process.Name,
            Threads = process.Threads.Count,
            CommandLine = process.CommandLine,
            Memory = process.MemoryBytes,
            Stopped = process.Stopped,
            MemoryBySort = Sorts(process),
            Executable = objects.GetValueOrDefault(record.ExecutableObject)?.Title,
            WorkingFolder = objects.GetValueOrDefault(record.WorkingFolderObject)?.Title,
            UserId = (int?)leader?.Credentials.EffectiveUid,
            GroupId = (int?)leader?.Credentials.EffectiveGid,
            SessionId = record.SessionId,
            Umask = record.Umask,
            Environment = Environment(process.Environment ?? []),
            Mappings = mappings,
            ThreadList = record.Threads.Select(thread => Thread(thread, process.Pid, mappings)).ToArray(),
            Descriptors = record.Descriptors
                .OrderBy(descriptor => descriptor.Fd)
                .Select(descriptor => Descriptor(descriptor, process.Pid, objects))
                .ToArray(),
        };
    }

    private static ImageMemory[] Sorts(AnswerProcessContents process) =>
    [
        .. process.Memory.Select(sort => new ImageMemory
        {
            ProcessId = process.Pid, Sort = sort.Sort, Mappings = sort.Mappings, Length = sort.Bytes, Stored = sort.StoredBytes,
        }),
    ];

    /// <summary>Both lists are by address, one for one.</summary>
    private static ImageMapping[] Mappings(AnswerProcessContents process, ProcessRecord record, Dictionary<int, ObjectRecord> objects)
    {
        var sums = process.Mappings ?? [];
        return
        [
            .. record.Mappings.OrderBy(mapping => mapping.Start).Select((mapping, index) => new ImageMapping
            {
                ProcessId = process.Pid,
                Start = mapping.Start,
                End = mapping.End,
                Protection = Protection(mapping),
                Sort = index < sums.Count ? sums[index].Sort : "",
                Stored = index < sums.Count ? sums[index].StoredBytes : 0,
                Offset = mapping.ObjectOffset,
                Title = objects.GetValueOrDefault(mapping.ObjectId)?.Title ?? mapping.Name,
            }),
        ];
    }

    private static string Protection(MappingRecord mapping) => string.Concat(
        (mapping.Protection & 1) != 0 ? 'r' : '-', (mapping.Protection & 2) != 0 ? 'w' : '-', (mapping.Protection & 4) != 0 ? 'x' : '-',
        mapping.Shared ? 's' : 'p');

    private static ImageThread Thread(ThreadRecord thread, int pid, ImageMapping[] mappings)
    {
        var rip = Register(thread.Registers, RipOffset);
        var code = mappings.FirstOrDefault(mapping => mapping.Start <= rip && rip < mapping.End);
        var policy = thread.Scheduling.Policy;
        return new()
        {
            ProcessId = pid,
            ThreadId = thread.Tid,
            ThreadName = thread.Name,
            InstructionPointer = rip,
            StackPointer = Register(thread.Registers, RspOffset),
            Code = code?.Title ?? code?.Sort,
            UserId = (int)thread.Credentials.EffectiveUid,
            Policy = policy < Policies.Length ? Policies[policy] : null,
            Nice = thread.Scheduling.Nice,
            SignalMask = thread.SignalMask,
            PendingSignals = thread.PendingSignals.Count,
        };
    }

    private static ulong Register(byte[] registers, int offset) =>
        registers.Length < offset + sizeof(ulong) ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(registers.AsSpan(offset));

    private static ImageDescriptor Descriptor(DescriptorRecord descriptor, int pid, Dictionary<int, ObjectRecord> objects)
    {
        var target = objects.GetValueOrDefault(descriptor.ObjectId);
        return new()
        {
            ProcessId = pid,
            Descriptor = descriptor.Fd,
            Kind = target?.Kind ?? "?",
            Title = target is null ? "?" : SocketText.Of(target.Kind, target.State) ?? target.Title,
            CloseOnExec = descriptor.CloseOnExec,
            ObjectId = descriptor.ObjectId,
            State = target?.State.GetRawText() ?? "",
        };
    }

    /// <summary>A name may stand there twice: the first counts, as for getenv(3).</summary>
    private static Dictionary<string, string> Environment(IEnumerable<string> variables)
    {
        var environment = new Dictionary<string, string>();
        foreach (var variable in variables)
        {
            var equals = variable.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                environment.TryAdd(variable[..equals], variable[(equals + 1)..]);
        }

        return environment;
    }

    private static Dictionary<int, int> Depths(IReadOnlyList<AnswerProcessContents> processes)
    {
        // Parents come before children.
        var depths = new Dictionary<int, int>();
        foreach (var process in processes)
            depths[process.Pid] = depths.TryGetValue(process.ParentPid, out var parent) ? parent + 1 : 0;
        return depths;
    }
}
