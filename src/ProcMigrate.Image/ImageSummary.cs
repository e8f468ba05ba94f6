namespace ProcMigrate.Image;

/// <summary>What a commit made.</summary>
/// <param name="Path">The image, absolute.</param>
/// <param name="Bytes">Length of the file.</param>
/// <param name="MemoryBytes">Bytes of memory and object data in it, before any codec.</param>
public sealed record ImageSummary(string Path, long Bytes, long MemoryBytes);
