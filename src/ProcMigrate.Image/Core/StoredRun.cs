namespace ProcMigrate.Image.Core;

/// <summary>Stored memory as a core sees it.</summary>
/// <param name="Offset">Relative to the start of the core.</param>
internal readonly record struct StoredRun(ulong Address, long Offset, long Length)
{
    public ulong End => Address + (ulong)Length;
}
