namespace ProcMigrate.Engine.Kinds;

/// <summary>Every aspect of a process that is known.</summary>
internal static class ProcessAspects
{
    public static IReadOnlyList<ProcessAspect> All { get; } =
    [
        new LoginUidAspect(),
        new FileLockAspect(),
        new PosixTimerAspect(),
        new ControllingTerminalAspect(),
        new NamespaceAspect(),
        new ControlGroupAspect(),
        new MemorySettingsAspect(),
        new SeccompAspect(),
        new SyscallDispatchAspect(),
    ];

    public static ProcessAspect Named(string name) =>
        All.FirstOrDefault(a => a.Name == name) ?? throw new EngineException(
            "UnknownKind", FailureClass.ImageUnreadable, $"The image holds '{name}' of a process, which this version does not know.");
}
