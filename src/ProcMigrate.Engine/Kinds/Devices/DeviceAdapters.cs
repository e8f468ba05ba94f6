namespace ProcMigrate.Engine.Kinds.Devices;

/// <summary>Every device that can be carried.</summary>
internal static class DeviceAdapters
{
    public static IReadOnlyList<DeviceAdapter> All { get; } =
    [
        new SoundAdapter(),
        new TunAdapter(),
    ];
}
