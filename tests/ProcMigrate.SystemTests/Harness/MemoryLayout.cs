using System.Globalization;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>The mappings of a process in a form that does not tell how they came about.</summary>
internal static class MemoryLayout
{
    private readonly record struct Mapping(ulong Start, ulong End, string Protection, ulong Offset, string File, string Flags);

    /// <summary>
    /// One line per mapping: range, protection, file, VmFlags. Neighbours that differ in nothing are one: whether the kernel melts two
    /// anonymous mappings depends on which pages were touched when. The flags ac (accounted) and sd (soft dirty) tell history too.
    /// </summary>
    internal static IEnumerable<string> Read(int pid)
    {
        List<Mapping> melted = [];
        foreach (Mapping mapping in Parse(Proc.ReadText($"/proc/{pid}/smaps") ?? ""))
        {
            if (melted is [.., var last] && last.End == mapping.Start && last.Protection == mapping.Protection && last.File == mapping.File
                && last.Flags == mapping.Flags && (IsAnonymous(mapping) || last.Offset + (last.End - last.Start) == mapping.Offset))
                melted[^1] = last with { End = mapping.End };
            else
                melted.Add(mapping);
        }
        return melted.Select(m => $"{m.Start:x}-{m.End:x} {m.Protection} {(IsAnonymous(m) ? 0 : m.Offset):x} {m.File} |{m.Flags}");
    }

    private static bool IsAnonymous(Mapping mapping) => mapping.File.StartsWith("00:00 0 ", StringComparison.Ordinal);

    private static IEnumerable<Mapping> Parse(string smaps)
    {
        Mapping current = default;
        foreach (string line in smaps.Split('\n'))
        {
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith("VmFlags:", StringComparison.Ordinal))
            {
                IEnumerable<string> flags = line["VmFlags:".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                yield return current with { Flags = string.Join(' ', flags.Where(flag => flag is not ("ac" or "sd"))) };
            }
            else if (words.Length >= 5 && dash > 0 && ulong.TryParse(line[..dash], NumberStyles.HexNumber, null, out ulong start))
            {
                ulong end = ulong.Parse(words[0][(dash + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                ulong offset = ulong.Parse(words[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                string name = words.Length > 5 ? words[5].Trim() : "";
                bool renewed = name.EndsWith(" (deleted)", StringComparison.Ordinal)
                    || name.StartsWith("[anon_shmem:", StringComparison.Ordinal);
                string file = renewed ? $"{words[3]} - {ProcSnapshot.WithoutNumber(name)}" : $"{words[3]} {words[4]} {name}";
                current = new Mapping(start, end, words[1], offset, file, "");
            }
        }
    }
}
