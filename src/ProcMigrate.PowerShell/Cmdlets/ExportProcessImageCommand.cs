using System.Globalization;
using System.Management.Automation;
using System.Text.Json;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Report;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Export-ProcessImage: writes what is in an image in forms that other programs and people read.</summary>
[Cmdlet(VerbsData.Export, "ProcessImage", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportProcessImageCommand : ImageFileCmdlet
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly HashSet<string> written = [];

    /// <summary>A core file of one process, as gdb reads it: the file to write, or a folder.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Core { get; set; }

    /// <summary>The process that the core file is of; the tree's root unless given.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Id { get; set; }

    /// <summary>A page for people, with pictures: the file to write, or a folder.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Report { get; set; }

    /// <summary>Everything but memory, as JSON: the file to write, or a folder.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Json { get; set; }

    /// <summary>The new or empty folder to write the files of a bundle into.</summary>
    [Parameter]
    [Alias("FilesPath")]
    [ValidateNotNullOrEmpty]
    public string? Files { get; set; }

    /// <summary>Lets the report tell environments, which may hold passwords.</summary>
    [Parameter]
    public SwitchParameter IncludeEnvironment { get; set; }

    /// <summary>Replaces files that exist.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Emits the files that were written.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Before the first object.</summary>
    protected override void BeginProcessing()
    {
        if (Core is not null || Report is not null || Json is not null || Files is not null)
            return;
        var nothing = new PSArgumentException("Export what? Give -Report, -Core, -Json or -Files, each with where to write it.");
        ThrowTerminatingError(new ErrorRecord(nothing, "NothingToExport", ErrorCategory.InvalidArgument, null));
    }

    private protected override void ProcessImageFile(string path, Place place, ProcessImage? known)
    {
        if (Core is not null && TryTarget(Core, path, ".core") is { } core)
            ExportCore(path, place, core);
        if (Files is not null)
            ExportFiles(path, place, ToFilePath(Files));
        if (Report is null && Json is null)
            return;
        var image = place.Describe(path);
        var verb = new VerbArguments("inspect").Flag("--detailed", true).At(place).Argument(path);
        if (AskOrFail(verb, $"Reading {image}", known ?? (object)image) is not { } answer)
            return;
        if (Report is not null && TryTarget(Report, path, ".html") is { } report)
            Write(report, HtmlReport.Write(Answers.ToImage(answer, place.Login), known?.Timings, IncludeEnvironment));
        if (Json is not null && TryTarget(Json, path, ".json") is { } json)
            Write(json, JsonSerializer.Serialize(answer.Tree, Indented));
    }

    private void ExportCore(string path, Place place, string target)
    {
        if (!IsHere(path, place) || !ShouldProcess(target, "write"))
            return;
        if (Force && File.Exists(target))
            File.Delete(target);
        var verb = new VerbArguments("export").Option("--core", target)
            .Option("--pid", IsGiven(nameof(Id)) ? Id.ToString(CultureInfo.InvariantCulture) : null).Argument(path);
        Run(new VerbRun(verb, $"Writing {target}", path, _ => Tell(target)));
    }

    private void ExportFiles(string path, Place place, string target)
    {
        if (!IsHere(path, place) || !ShouldProcess(target, "write the files of the bundle"))
            return;
        Run(new VerbRun(new VerbArguments("export").Option("--files", target).Argument(path), $"Writing {target}", path, _ => Tell(target)));
    }

    private bool IsHere(string path, Place place)
    {
        if (place.HostName is null)
            return true;
        var far = new InvalidOperationException($"{place.Describe(path)} lies on another host: get it here with Receive-ProcessImage first.");
        WriteErrorRecord(far, "ImageOnAnotherHost", ErrorCategory.InvalidOperation, path);
        return false;
    }

    /// <summary>Null where it may not be written; the error is told then.</summary>
    private string? TryTarget(string given, string image, string extension)
    {
        var target = ToFilePath(given);
        if (Directory.Exists(target))
            target = System.IO.Path.Combine(target, System.IO.Path.GetFileNameWithoutExtension(image) + extension);
        if (!written.Add(target))
        {
            var several = new PSArgumentException($"{target} is one file, but there are several images: name a folder.");
            WriteErrorRecord(several, "PathIsOneFile", ErrorCategory.InvalidArgument, target);
            return null;
        }

        if (!File.Exists(target) || Force)
            return target;
        WriteErrorRecord(new IOException($"{target} exists already; -Force replaces it."), "FileExists", ErrorCategory.ResourceExists, target);
        return null;
    }

    private void Write(string target, string text)
    {
        if (!ShouldProcess(target, "write"))
            return;
        try
        {
            File.WriteAllText(target, text);
            Tell(target);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            WriteErrorRecord(failure, "CannotWrite", failure is IOException ? ErrorCategory.WriteError : ErrorCategory.PermissionDenied, target);
        }
    }

    private void Tell(string target)
    {
        if (PassThru)
            WriteObject(InvokeProvider.Item.Get([target], force: true, literalPath: true), enumerateCollection: true);
    }
}
