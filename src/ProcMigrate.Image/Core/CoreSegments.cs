namespace ProcMigrate.Image.Core;

/// <summary>Cuts mappings into PT_LOAD segments: what is stored with its bytes, the rest without.</summary>
internal static class CoreSegments
{
    /// <summary>
    /// Segments in ascending order of address; neighbours that also lie side by side in the file are one segment, at most up to
    /// the end of their mapping. Both inputs ascend.
    /// </summary>
    /// <exception cref="ArgumentException">A run lies outside every mapping.</exception>
    public static IEnumerable<ElfProgramHeader> Enumerate(IEnumerable<CoreMapping> mappings, IEnumerable<StoredRun> runs)
    {
        using var stored = runs.GetEnumerator();
        var more = stored.MoveNext();
        foreach (var mapping in mappings)
        {
            var cursor = mapping.Start;
            while (more && stored.Current.Address < mapping.End)
            {
                var run = stored.Current;
                if (run.Address < cursor || run.End > mapping.End) throw Outside(run);
                while ((more = stored.MoveNext()) && Continues(run, stored.Current, mapping))
                    run = run with { Length = run.Length + stored.Current.Length };
                if (run.Address > cursor) yield return Load(mapping, cursor, run.Address, 0, 0);
                yield return Load(mapping, run.Address, run.End, run.Offset, run.Length);
                cursor = run.End;
            }
            if (cursor < mapping.End) yield return Load(mapping, cursor, mapping.End, 0, 0);
        }
        if (more) throw Outside(stored.Current);
    }

    private static bool Continues(StoredRun run, StoredRun next, CoreMapping mapping) =>
        next.Address == run.End && next.Offset == run.Offset + run.Length && next.End <= mapping.End;

    private static ElfProgramHeader Load(CoreMapping mapping, ulong start, ulong end, long offset, long stored) => new()
    {
        Type = ElfProgramHeader.TypeLoad,
        Flags = (mapping.Read ? ElfProgramHeader.FlagRead : 0)
            | (mapping.Write ? ElfProgramHeader.FlagWrite : 0)
            | (mapping.Execute ? ElfProgramHeader.FlagExecute : 0),
        Offset = (ulong)offset,
        VirtualAddress = start,
        FileSize = (ulong)stored,
        MemorySize = end - start,
        Alignment = ImageLimits.PageSize,
    };

    private static ArgumentException Outside(StoredRun run) =>
        new($"stored memory {run.Address:x}-{run.End:x} does not lie within one mapping");
}
