using System.Runtime.InteropServices;
using System.Text;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Tests.Cli;

/// <summary>The command line with an engine and hosts that answer as a test says.</summary>
internal sealed class CliHarness : IEngine, IHosts
{
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();

    public Func<SaveOptions, SaveResult> OnSave { get; set; } = _ => throw new InvalidOperationException("save was not expected");
    public Func<RestoreOptions, RestoreResult> OnRestore { get; set; } = _ => throw new InvalidOperationException("restore was not expected");
    public Func<string, string, RestoredFiles> OnExportFiles { get; set; } = (_, folder) => new(folder, null, 0, []);
    public Func<int, bool, IReadOnlyList<Blocker>> OnCheckProcess { get; set; } = (_, _) => [];
    public Func<RestoreOptions, IReadOnlyList<Blocker>> OnCheckImage { get; set; } = _ => [];
    public Func<IReadOnlyList<DoctorFinding>> OnDoctor { get; set; } = () => [];
    public Func<SshTarget, IReadOnlyList<string>, Action<string>, RemoteOutcome> OnRun { get; set; } =
        (_, _, _) => throw new InvalidOperationException("no verb was expected on a host");
    public Func<string, SshTarget, string?, SendResult> OnSend { get; set; } = (_, _, _) => throw new InvalidOperationException("send was not expected");

    /// <summary>What the engine tells of its progress before it returns.</summary>
    public List<EngineProgress> ProgressToTell { get; } = [];

    public string Output => output.ToString();
    public string Error => error.ToString();
    public string[] OutputLines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public int Run(params string[] arguments)
    {
        using var outputWriter = new StringWriter(output);
        using var errorWriter = new StringWriter(error);
        return new CommandLine(this, this, new Terminal(outputWriter, errorWriter, animates: false)).Run(arguments);
    }

    SaveResult IEngine.Save(SaveOptions options, Action<EngineProgress> progress, CancellationToken cancel)
    {
        ProgressToTell.ForEach(progress);
        return OnSave(options);
    }

    RestoreResult IEngine.Restore(RestoreOptions options, Action<EngineProgress> progress, CancellationToken cancel)
    {
        ProgressToTell.ForEach(progress);
        return OnRestore(options);
    }

    int? IEngine.RestoreInside(RestoreOptions options, SafeHandle? image, CancellationToken cancel) => null;

    int? IEngine.SaveInside(IReadOnlyList<int> pids, string? output, Action? running, CancellationToken cancel) => null;

    ProcessCheck IEngine.CheckProcess(SaveOptions options, CancellationToken cancel) => new(OnCheckProcess(options.Pids[0], options.Children), null);

    RestoredFiles IEngine.ExportFiles(string imagePath, string folder, List<string> warnings, Action<EngineProgress> progress, CancellationToken cancel) =>
        OnExportFiles(imagePath, folder);

    IReadOnlyList<Blocker> IEngine.CheckImage(RestoreOptions options) => OnCheckImage(options);

    bool IEngine.TakesMemory(RestoreOptions options) => false;

    IReadOnlyList<DoctorFinding> IEngine.Doctor(bool clean) => OnDoctor();

    SendResult IHosts.Send(
        string imagePath, SshTarget target, string? to, Compression compression, Action<TransferProgress> progress, CancellationToken cancel) =>
        OnSend(imagePath, target, to);

    RemoteOutcome IHosts.Run(
        SshTarget target, IReadOnlyList<string> verbArguments, Action<string> onLine, CancellationToken cancel) =>
        OnRun(target, verbArguments, onLine);

    HostMigration IHosts.Migrate(
        MigrationSettings settings, bool check, Func<string, Exception> failed, Action<TransferProgress> progress, CancellationToken cancel) =>
        throw new InvalidOperationException("migrate was not expected");

    ReceiveResult? IHosts.Receive(string? to, Func<string, Guid> verify, IFarEngine engine, CancellationToken cancel) => throw new InvalidOperationException("receive was not expected");
}
