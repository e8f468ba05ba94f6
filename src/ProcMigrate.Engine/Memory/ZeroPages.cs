using ProcMigrate.Linux;

namespace ProcMigrate.Engine.Memory;

/// <summary>Splits memory into the runs of pages that are not all zero.</summary>
internal static class ZeroPages
{
    /// <summary>The next run at or behind <paramref name="from"/>, in bytes; the last page may be a partial one.</summary>
    public static bool NextRun(ReadOnlySpan<byte> memory, int from, out int start, out int length)
    {
        start = from;
        while (start < memory.Length && IsZero(Page(memory, start)))
            start += PageSize.Bytes;
        int end = start;
        while (end < memory.Length && !IsZero(Page(memory, end)))
            end += PageSize.Bytes;
        length = Math.Min(end, memory.Length) - start;
        return length > 0;
    }

    private static ReadOnlySpan<byte> Page(ReadOnlySpan<byte> memory, int offset) =>
        memory.Slice(offset, Math.Min(PageSize.Bytes, memory.Length - offset));

    private static bool IsZero(ReadOnlySpan<byte> page) => page.IndexOfAnyExcept((byte)0) < 0;
}
