using ProcMigrate.PowerShell.Running;

namespace ProcMigrate;

/// <summary>An image on this host: a file for all cmdlets that take files.</summary>
public sealed class LocalProcessImage : ProcessImage
{
    /// <summary>The file.</summary>
    public string Path => ImagePath;

    internal override Place Place => Place.Here;

    /// <summary>The file.</summary>
    public override string ToString() => ImagePath;
}
