using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>A cmdlet that works on image files, here or where they lie.</summary>
public abstract class ImageFileCmdlet : HostCmdlet
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";
    private protected const string InputObjectSet = "InputObject";

    /// <summary>Images as Save-ProcessImage and Send-ProcessImage give them.</summary>
    [Parameter(ParameterSetName = InputObjectSet, Mandatory = true, ValueFromPipeline = true)]
    public virtual ProcessImage[] InputObject { get; set; } = [];

    /// <summary>Image files, wildcards included; with -HostName the host's.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName", "ImagePath")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ImagePathCompleter))]
    public virtual string[] Path { get; set; } = [];

    /// <summary>Image files, taken as they are.</summary>
    [Parameter(ParameterSetName = LiteralPathSet, Mandatory = true)]
    [Alias("LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The hosts that the files are on. (A property named Host would hide PSCmdlet.Host.)</summary>
    [Parameter(ParameterSetName = PathSet, ValueFromPipelineByPropertyName = true)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [Alias("Host", "ComputerName")]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public virtual string[]? HostName { get; set; }

    private protected sealed override void ProcessInput()
    {
        switch (ParameterSetName)
        {
            case InputObjectSet when InputObject.Length == 0:
                ProcessNothing();
                break;
            case InputObjectSet:
                foreach (var image in InputObject)
                    ProcessImageFile(image.ImagePath, PlaceOf(image), image);
                break;
            case LiteralPathSet:
                ProcessLiteralPaths();
                break;
            case PathSet:
                ProcessPaths();
                break;
            default:
                ProcessOther();
                break;
        }
    }

    private protected void ProcessPaths()
    {
        foreach (var place in Sources)
        {
            foreach (var path in Path.Length == 0 ? new string?[] { null } : Path)
            {
                foreach (var file in place.HostName is null ? FindHere(path ?? "*.pmi") : FindThere(path, place))
                    ProcessImageFile(file, place, null);
            }
        }
    }

    private void ProcessLiteralPaths()
    {
        foreach (var place in Sources)
        {
            foreach (var path in LiteralPath)
                ProcessImageFile(place.HostName is null ? ToFilePath(path) : path, place, null);
        }
    }

    /// <summary>Neither a path nor an image was given.</summary>
    private protected virtual void ProcessNothing()
    {
    }

    /// <summary>A parameter set of the cmdlet's own.</summary>
    private protected virtual void ProcessOther()
    {
    }

    /// <summary>Where the files of -Path lie.</summary>
    private protected virtual IEnumerable<Place> Sources => Places(HostName);

    /// <param name="known">The object it came as, or null.</param>
    private protected abstract void ProcessImageFile(string path, Place place, ProcessImage? known);

    /// <summary>What a path of PowerShell names here. One that names a file exactly is that file, whatever its characters.</summary>
    private protected IReadOnlyList<string> FindHere(string path)
    {
        try
        {
            var literal = GetUnresolvedProviderPathFromPSPath(path);
            if (File.Exists(literal) || !WildcardPattern.ContainsWildcardCharacters(path))
                return [literal];
            var files = GetResolvedProviderPathFromPSPath(path, out var provider);
            if (provider.Name == "FileSystem")
                return [.. files.Where(File.Exists)];
            var elsewhere = new PSArgumentException($"{path} is not in the file system but in the provider {provider.Name}.");
            WriteErrorRecord(elsewhere, "NotAFilePath", ErrorCategory.InvalidArgument, path);
        }
        catch (ItemNotFoundException)
        {
            // A pattern that fits nothing names nothing, as for Get-ChildItem.
        }
        catch (Exception wrong) when (wrong is System.Management.Automation.DriveNotFoundException or ProviderNotFoundException or NotSupportedException)
        {
            WriteErrorRecord(wrong, "NotAFilePath", ErrorCategory.InvalidArgument, path);
        }

        return [];
    }

    private protected IReadOnlyList<string> FindThere(string? path, Place place)
    {
        if (path is not null && !WildcardPattern.ContainsWildcardCharacters(path))
            return [path];
        try
        {
            return new FarShell(place).Find(path?.Replace('`', '\\'), Cancelled);
        }
        catch (Remote.RemoteException failure)
        {
            WriteErrors(Answer.Error(failure.Id, failure.ExitCode, failure.Message), place.HostName);
            return [];
        }
    }
}
