using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Compare-ProcessImage: what differs between two images.</summary>
[Cmdlet(VerbsData.Compare, "ProcessImage")]
[OutputType(typeof(ImageDifference))]
public sealed class CompareProcessImageCommand : HostCmdlet
{
    /// <summary>The first image: a path, or an object of Get-ProcessImage.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ImagePathCompleter))]
    public PSObject ReferenceImage { get; set; } = null!;

    /// <summary>The second image.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ImagePathCompleter))]
    public PSObject DifferenceImage { get; set; } = null!;

    private protected override void ProcessInput()
    {
        if (Read(ReferenceImage) is { } first && Read(DifferenceImage) is { } second)
            WriteObject(ImageComparison.Compare(first, second), enumerateCollection: true);
    }

    private ProcessImage? Read(PSObject given)
    {
        var known = given.BaseObject as ProcessImage;
        if (known is not null && known.Processes.Any(process => process.Mappings.Count > 0))
            return known;
        var place = known is null ? Place.Here : PlaceOf(known);
        var path = known?.ImagePath ?? ToFilePath(given.BaseObject is FileInfo file ? file.FullName : given.BaseObject.ToString() ?? "");
        var verb = new VerbArguments("inspect").Flag("--detailed", true).At(place).Argument(path);
        return AskOrFail(verb, $"Reading {place.Describe(path)}", given.BaseObject) is { } answer ? Answers.ToImage(answer, place.Login) : null;
    }
}
