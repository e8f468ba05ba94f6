using System.Runtime.InteropServices;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore.X64;

/// <summary>The code of the dynamic loader in a program, or of the program itself where it was linked statically.</summary>
internal static class LoaderCode
{
    private const ulong AT_BASE = 7;
    private const int PROT_EXEC = 4;
    private const ulong LargestCode = 1UL << 26;

    public static List<MappingRecord> Of(ProcessRecord process)
    {
        ulong start = AuxiliaryValue(process.Layout.AuxiliaryVector, AT_BASE);
        // 0 where the program has no interpreter, or is one that was started by its own name.
        int file = start == 0 ? process.ExecutableObject : process.Mappings.FirstOrDefault(m => m.Start <= start && start < m.End)?.ObjectId ?? 0;
        return file == 0
            ? []
            : [.. process.Mappings.Where(m => m.ObjectId == file && (m.Protection & PROT_EXEC) != 0 && m.End - m.Start <= LargestCode)];
    }

    /// <returns>What the mapping shows; zeros where the file is not here, or not yet: that others report.</returns>
    public static byte[] FromFile(MappingRecord code, RestoreContext context)
    {
        byte[] bytes = new byte[code.End - code.Start];
        ObjectRecord record = context.Object(code.ObjectId);
        if (record.Kind != "file")
            return bytes;
        FileState file = FileState.From(record);
        if (file.Bundled != 0 && context.Bundle.Find(file.Bundled) is { } bundled)
        {
            ReadBundled(bundled.LinkOf == 0 ? file.Bundled : bundled.LinkOf, code.ObjectOffset, bytes, context);
            return bytes;
        }
        try
        {
            using Descriptor open = FileCalls.Open(file.Reachable, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
            FileCalls.ReadAt(open, bytes, (long)code.ObjectOffset);
        }
        catch (LinuxException)
        {
            return bytes;
        }
        return bytes;
    }

    private static void ReadBundled(int id, ulong offset, byte[] bytes, RestoreContext context)
    {
        foreach (Image.MemoryExtent extent in context.Image.DataOf(id))
        {
            ulong start = Math.Max(extent.Address, offset), end = Math.Min(extent.Address + (ulong)extent.RawLength, offset + (ulong)bytes.Length);
            if (start < end)
                context.Image.ReadPart(extent, (long)(start - extent.Address), bytes.AsSpan((int)(start - offset), (int)(end - start)));
        }
    }

    public static ulong AuxiliaryValue(byte[] vector, ulong type)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(vector);
        for (int i = 0; i + 1 < words.Length; i += 2)
        {
            if (words[i] == type)
                return words[i + 1];
        }
        return 0;
    }
}
