namespace ProcMigrate.Image;

/// <summary>A mapping, of which an ELF core makes one or more PT_LOAD segments.</summary>
public readonly record struct CoreMapping(ulong Start, ulong End, bool Read, bool Write, bool Execute);
