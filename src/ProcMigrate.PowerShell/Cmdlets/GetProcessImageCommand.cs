using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Get-ProcessImage: tells what is in an image file.</summary>
[Cmdlet(VerbsCommon.Get, "ProcessImage", DefaultParameterSetName = InputObjectSet)]
[OutputType(typeof(LocalProcessImage), typeof(RemoteProcessImage))]
public sealed class GetProcessImageCommand : ImageFileCmdlet
{
    /// <summary>The type name that the detailed view goes by.</summary>
    internal const string DetailedTypeName = "ProcMigrate.ProcessImage#Detailed";

    /// <summary>Images as the other cmdlets give them; without any, the *.pmi of this folder.</summary>
    [Parameter(ParameterSetName = InputObjectSet, ValueFromPipeline = true)]
    public override ProcessImage[] InputObject { get; set; } = [];

    /// <summary>Image files, wildcards included; *.pmi unless given, on a host those that were sent there.</summary>
    [Parameter(ParameterSetName = PathSet, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName", "ImagePath")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ImagePathCompleter))]
    public override string[] Path { get; set; } = [];

    /// <summary>With every thread, mapping, descriptor and environment.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    private protected override void ProcessNothing()
    {
        if (!MyInvocation.ExpectingInput)
            ProcessPaths();
    }

    private protected override void ProcessImageFile(string path, Place place, ProcessImage? known)
    {
        var image = place.Describe(path);
        var verb = new VerbArguments("inspect").Flag("--detailed", Detailed).At(place).Argument(path);
        Run(new VerbRun(verb, $"Reading {image}", image, result =>
        {
            var found = new PSObject(Answers.ToImage(result, place.Login));
            if (Detailed)
                found.TypeNames.Insert(0, DetailedTypeName);
            WriteObject(found);
        })
        { Elsewhere = place.HostName is not null });
    }
}
