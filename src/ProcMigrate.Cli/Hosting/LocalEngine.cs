using System.Runtime.InteropServices;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Hosting;

/// <summary>The engine in this process.</summary>
internal sealed class LocalEngine : IEngine
{
    public SaveResult Save(SaveOptions options, Action<EngineProgress> progress, CancellationToken cancel) =>
        ProcessImages.Save(options, progress, cancel);

    public RestoreResult Restore(RestoreOptions options, Action<EngineProgress> progress, CancellationToken cancel) =>
        ProcessImages.Restore(options, progress, cancel);

    public int? RestoreInside(RestoreOptions options, SafeHandle? image, CancellationToken cancel) =>
        ProcessImages.RestoreInside(options, image, cancel);

    public int? SaveInside(IReadOnlyList<int> pids, string? output, Action? running, CancellationToken cancel) =>
        ProcessImages.SaveInside(pids, output, running, cancel);

    public ProcessCheck CheckProcess(SaveOptions options, CancellationToken cancel) => ProcessImages.CheckProcess(options, cancel);

    public RestoredFiles ExportFiles(
        string imagePath, string folder, List<string> warnings, Action<EngineProgress> progress, CancellationToken cancel) =>
        ProcessImages.ExportFiles(imagePath, folder, warnings, progress, cancel);

    public IReadOnlyList<Blocker> CheckImage(RestoreOptions options) => ProcessImages.CheckImage(options);

    public bool TakesMemory(RestoreOptions options) => ProcessImages.TakesMemory(options);

    public IReadOnlyList<DoctorFinding> Doctor(bool clean) => ProcessImages.Doctor(clean);
}
