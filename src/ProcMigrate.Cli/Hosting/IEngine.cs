using System.Runtime.InteropServices;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Hosting;

/// <summary>The engine as the verbs call it; a seam, so that their answers to every failure can be tested without root.</summary>
internal interface IEngine
{
    SaveResult Save(SaveOptions options, Action<EngineProgress> progress, CancellationToken cancel);
    RestoreResult Restore(RestoreOptions options, Action<EngineProgress> progress, CancellationToken cancel);
    int? RestoreInside(RestoreOptions options, SafeHandle? image, CancellationToken cancel);
    int? SaveInside(IReadOnlyList<int> pids, string? output, Action? running, CancellationToken cancel);
    ProcessCheck CheckProcess(SaveOptions options, CancellationToken cancel);
    RestoredFiles ExportFiles(string imagePath, string folder, List<string> warnings, Action<EngineProgress> progress, CancellationToken cancel);
    IReadOnlyList<Blocker> CheckImage(RestoreOptions options);

    bool TakesMemory(RestoreOptions options);
    IReadOnlyList<DoctorFinding> Doctor(bool clean);
}
