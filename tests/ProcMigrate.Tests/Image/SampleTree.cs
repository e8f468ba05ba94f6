using System.Text.Json;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Tests.Image;

/// <summary>A tree of two processes as a save finds it: a root with two threads, and a child.</summary>
internal static class SampleTree
{
    public const int Root = 4100;
    public const int Child = 4107;
    public const int FileObject = 1;
    public const int FolderObject = 2;
    public const int MemoryObject = 3;
    public const ulong Text = 0x5555_5555_4000;
    public const ulong Heap = 0x5555_5575_0000;
    public const ulong Stack = 0x7FFF_FFFD_E000;

    public static TreeRecord Create() => new()
    {
        Id = new Guid("8c1e8f6c-2d3e-4b61-9a5e-0d6c2f9b7a11"),
        SavedAt = "2025-03-04T05:06:07.0000000+00:00",
        Tool = "0.1.0",
        Method = "stop",
        Origin = new OriginRecord
        {
            HostName = "n1",
            KernelRelease = "6.1.0",
            BootId = "3f0f2f1e-0000-4000-8000-000000000000",
            MonotonicNs = 1_000_000,
            BoottimeNs = 1_000_001,
            RealtimeNs = 1_741_064_767_000_000_000,
            Cpu = new CpuRecord { Vendor = "GenuineIntel", Model = "x", Features = ["fpu", "avx2"], Xcr0 = 7, XsaveLayout = [new(2, 576, 256)] },
        },
        Processes = [Process(Root, 1, 2), Process(Child, Root, 1)],
        Objects =
        [
            Object(FileObject, "file", "/usr/bin/sim", File("/usr/bin/sim", "Regular")),
            Object(FolderObject, "file", "/", File("/", "Directory")),
            Object(MemoryObject, "memfd", "memfd:state", """{"name":"state","size":12288}"""),
        ],
    };

    public static CoreProcess Core(ProcessRecord process) => new()
    {
        Pid = process.Pid,
        ParentPid = process.ParentPid,
        GroupId = process.GroupId,
        SessionId = process.SessionId,
        Uid = 1000,
        Gid = 1000,
        Name = process.Name,
        Arguments = string.Join(' ', process.CommandLine),
        State = 'S',
        Nice = -5,
        AuxiliaryVector = process.Layout.AuxiliaryVector,
        Files = [new CoreFile(Text, Text + 0x2000, 0, "/usr/bin/sim")],
        Threads = [.. process.Threads.Select(Thread)],
    };

    public static CoreMapping[] Mappings(ProcessRecord process) => [.. process.Mappings.Select(m =>
        new CoreMapping(m.Start, m.End, (m.Protection & 1) != 0, (m.Protection & 2) != 0, (m.Protection & 4) != 0))];

    private static CoreThread Thread(ThreadRecord thread) => new()
    {
        Tid = thread.Tid,
        Registers = thread.Registers,
        FloatingPoint = thread.ExtendedState[..512],
        ExtendedState = thread.ExtendedState,
        PendingSignals = 0,
        SignalMask = thread.SignalMask,
        CurrentSignal = 0,
        SignalInfo = new byte[128],
    };

    private static ProcessRecord Process(int pid, int parent, int threads) => new()
    {
        Pid = pid,
        ParentPid = parent,
        GroupId = Root,
        SessionId = 4000,
        Name = "sim",
        CommandLine = ["/usr/bin/sim", "--steps", "1000"],
        MemoryBytes = 8192,
        Layout = Layout(),
        ExecutableObject = FileObject,
        WorkingFolderObject = FolderObject,
        RootFolderObject = FolderObject,
        Mappings =
        [
            Mapping(Text, Text + 0x2000, 5) with { Backing = MappingBacking.Object, ObjectId = FileObject },
            Mapping(Heap, Heap + 0x10000, 3) with { Name = "[heap]", Guards = [new AddressRange(Heap + 0xF000, Heap + 0x10000)] },
            Mapping(Stack, Stack + 0x21000, 3) with { Name = "[stack]" },
        ],
        Threads = [.. Enumerable.Range(pid, threads).Select(ThreadRecord)],
        Descriptors = [new DescriptorRecord(0, FileObject, false), new DescriptorRecord(7, MemoryObject, true)],
        SignalActions = [new SignalActionRecord(10, Text + 0x100, 0x04000000, Text + 0x200, 0)],
        PendingSignals = [new byte[128]],
        Limits = [new LimitRecord(7, 1024, 1 << 20)],
        IntervalTimers = [new IntervalTimerRecord(0, 500_000, 1_000_000)],
        Umask = 18,
        Personality = 0,
        OomScoreAdjust = 0,
        Dumpable = 1,
        ChildSubreaper = false,
        TransparentHugePagesDisabled = false,
        MembarrierRegistrations = 0,
        Stopped = false,
    };

    private static MappingRecord Mapping(ulong start, ulong end, int protection) => new()
    {
        Start = start,
        End = end,
        Protection = protection,
        Shared = false,
        Backing = MappingBacking.Anonymous,
        VmFlags = ["rd", "mr"],
    };

    private static MemoryLayoutRecord Layout() => new()
    {
        StartCode = Text,
        EndCode = Text + 0x1800,
        StartData = Text + 0x1900,
        EndData = Text + 0x1A00,
        StartBreak = Heap,
        Break = Heap + 0x10000,
        StartStack = Stack + 0x20000,
        ArgumentStart = Stack + 0x20100,
        ArgumentEnd = Stack + 0x20200,
        EnvironmentStart = Stack + 0x20200,
        EnvironmentEnd = Stack + 0x20300,
        AuxiliaryVector = [6, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, .. new byte[16]],
    };

    private static ThreadRecord ThreadRecord(int tid)
    {
        var registers = new byte[216];
        BitConverter.TryWriteBytes(registers.AsSpan(16 * 8), Text + 0x42); // rip
        BitConverter.TryWriteBytes(registers.AsSpan(19 * 8), Stack + 0x1F000); // rsp
        var state = new byte[576 + 256];
        state[464] = 7; // XCR0, where debuggers look for it
        state[512] = 7;
        return new ThreadRecord
        {
            Tid = tid,
            Name = "sim",
            Registers = registers,
            ExtendedState = state,
            SignalMask = 0x200,
            PendingSignals = [],
            AlternateStack = new AlternateStackRecord(0, 2, 0),
            Rseq = new RseqRecord(Heap, 32, 0x53053053, 0),
            RobustListHead = Heap + 64,
            RobustListLength = 24,
            ClearChildTid = Heap + 128,
            Credentials = Credentials(),
            Scheduling = Scheduling(),
            ParentDeathSignal = 0,
        };
    }

    private static CredentialsRecord Credentials() => new()
    {
        RealUid = 1000,
        EffectiveUid = 1000,
        SavedUid = 1000,
        FileUid = 1000,
        RealGid = 1000,
        EffectiveGid = 1000,
        SavedGid = 1000,
        FileGid = 1000,
        Groups = [1000, 27],
        Inheritable = 0,
        Permitted = 0,
        Effective = 0,
        Bounding = ulong.MaxValue,
        Ambient = 0,
        SecureBits = 0,
        NoNewPrivileges = false,
    };

    private static SchedulingRecord Scheduling() => new()
    {
        Policy = 0,
        Flags = 0,
        Nice = 0,
        Priority = 0,
        RuntimeNs = 0,
        DeadlineNs = 0,
        PeriodNs = 0,
        Affinity = [3],
        AllCpus = true,
        IoPriority = 0,
        TimerSlackNs = 50_000,
    };

    private static string File(string path, string type) => $$"""
        {"path":"{{path}}","flags":"O_RDONLY","position":0,"type":"{{type}}","mode":493,"uid":0,"gid":0,"size":4096,
         "modifiedSeconds":1741064767,"modifiedNanoseconds":0,"inode":12}
        """;

    private static ObjectRecord Object(int id, string kind, string title, string state) =>
        new() { Id = id, Kind = kind, Title = title, State = JsonDocument.Parse(state).RootElement };
}
