namespace ProcMigrate.Image;

/// <summary>A mapped file, as NT_FILE tells it.</summary>
/// <param name="PageOffset">Offset in the file, in pages.</param>
public readonly record struct CoreFile(ulong Start, ulong End, ulong PageOffset, string Path);
