namespace ProcMigrate.PowerShell.Running;

/// <summary>Turns answers of the binary into the objects of the pipeline.</summary>
internal static class Answers
{
    /// <summary>An image that was saved right now, on this host.</summary>
    public static ProcessImage ToSavedImage(Answer result, DateTimeOffset now, string thisHost) => ToImage(result, HostLogin.Default, now, thisHost);

    /// <summary>An image that the binary has read.</summary>
    public static ProcessImage ToImage(Answer result, HostLogin login) =>
        ToImage(result, login, result.Image?.SavedAt, result.Image?.Origin);

    public static RestoredProcess ToRestored(Answer result) => new()
    {
        Id = Needed(result.Pid, "pid"),
        ProcessName = RootName(result),
        Processes = ToProcesses(result),
        ImagePath = Needed(result.Image, "image").Path,
        ImageId = Needed(result.Image, "image").Id,
        ExitCode = result.ExitCode,
        InnerId = result.InnerPid,
        FilesPath = result.Files?.Folder,
        Files = ToFiles(result.Files),
        Timings = result.Timings ?? [],
    };

    public static RemoteProcess ToRemote(Answer result, HostLogin login, DateTimeOffset now) => new()
    {
        RemoteId = Needed(result.Pid, "pid"),
        RemoteName = RootName(result),
        HostName = Needed(result.Host, "host"),
        Processes = ToProcesses(result),
        // A migration need not keep one.
        ImagePath = result.Image?.Path,
        ImageId = result.Image?.Id ?? Guid.Empty,
        FreezeTime = result.Timings?.TryGetValue("freezeMs", out var frozen) == true ? TimeSpan.FromMilliseconds(frozen) : null,
        ExitCode = result.ExitCode,
        InnerId = result.InnerPid,
        FilesPath = result.Files?.Folder,
        Files = ToFiles(result.Files),
        Timings = result.Timings ?? [],
        StartTime = now,
        StartTicks = result.StartTicks ?? 0,
        Login = login,
    };

    public static ImageBlocker ToBlocker(AnswerBlocker blocker) => ToBlocker(blocker, null);

    /// <param name="host">The host whose blocker it is; null: this one.</param>
    public static ImageBlocker ToBlocker(AnswerBlocker blocker, string? host) => new()
    {
        BlockerId = blocker.Id,
        ProcessId = blocker.Pid,
        Descriptor = blocker.Fd,
        What = blocker.What,
        Why = ParameterWords.Of(blocker.Why),
        Remedy = ParameterWords.Of(blocker.Remedy),
        HostName = host,
    };

    public static HostFinding ToFinding(AnswerFinding finding, string? host) => new()
    {
        HostName = host,
        Topic = finding.Topic,
        Available = finding.Available,
        Needed = finding.Needed,
        Detail = ParameterWords.Of(finding.Detail),
        Remedy = ParameterWords.Of(finding.Remedy),
    };

    private static ProcessImage ToImage(Answer result, HostLogin login, DateTimeOffset? savedAt, string? origin)
    {
        var (path, id, name) = (Needed(result.Image, "image").Path, Needed(result.Pid, "pid"), RootName(result));
        var processes = result.Contents is { } contents ? ContentsReader.Processes(contents, result.Tree) : ToProcesses(result);
        ProcessImage image = result.Host is { } host
            ? new RemoteProcessImage { HostName = host, Login = login, ImagePath = path, RootId = id, RootName = name, Processes = processes }
            : new LocalProcessImage { ImagePath = path, RootId = id, RootName = name, Processes = processes };
        Describe(image, result);
        (image.SavedAt, image.Origin) = (savedAt, origin);
        return image;
    }

    private static void Describe(ProcessImage image, Answer result)
    {
        var contents = result.Contents;
        image.Memory = result.MemoryBytes ?? 0;
        image.Length = result.Image!.Bytes;
        image.ImageId = result.Image.Id;
        image.Files = contents?.Files ?? [];
        image.BundledFiles = ToBundledFiles(result.Bundle ?? contents?.Bundle);
        image.ToolVersion = contents?.Tool;
        image.Method = contents?.Method;
        image.KernelRelease = contents?.Origin.KernelRelease;
        image.Processor = contents?.Origin.CpuModel;
        image.Objects = contents?.Objects.ToDictionary(sort => sort.Kind, sort => sort.Count) ?? [];
        image.Blockers = result.Blockers?.Select(blocker => ToBlocker(blocker, result.Host)).ToArray();
        image.Timings = result.Timings ?? [];
    }

    private static BundledFile[] ToBundledFiles(AnswerBundle? bundle) =>
        [.. bundle?.Files.Select(file => new BundledFile { OriginalPath = file.Path, Length = file.Bytes }) ?? []];

    private static RestoredFile[] ToFiles(AnswerFiles? files) =>
        [.. files?.Names?.Select(name => new RestoredFile { OldPath = name.Old, NewPath = name.New }) ?? []];

    private static string RootName(Answer result) => Needed(result.Processes, "processes") is [var root, ..] ? root.Name : "";

    private static ImageProcess[] ToProcesses(Answer result) =>
    [
        .. Needed(result.Processes, "processes").Select(process => new ImageProcess
        {
            ProcessId = process.Pid,
            ProgramName = process.Name,
            Threads = process.Threads,
        }),
    ];

    private static T Needed<T>(T? member, string name)
        where T : class => member ?? throw Lacking(name);

    private static int Needed(int? member, string name) => member ?? throw Lacking(name);

    private static InvalidDataException Lacking(string name) =>
        new($"The binary's result lacks '{name}': it is of another version than this module.");
}
