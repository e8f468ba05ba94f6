using ProcMigrate.Engine.Freeze;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>A frozen process with all that is known of it but the bytes of its memory.</summary>
internal sealed record CollectedProcess(TracedProcess Process, ProcessRecord Record, IReadOnlyList<MemoryMap> Maps);
