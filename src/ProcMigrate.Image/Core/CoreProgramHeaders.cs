using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Core;

/// <summary>Writes the program headers of a core: PT_NOTE first, then the PT_LOADs.</summary>
internal static class CoreProgramHeaders
{
    /// <summary>Returns the number of headers written.</summary>
    public static int Write(Stream output, long notesOffset, long notesLength, IEnumerable<ElfProgramHeader> loads)
    {
        var note = new ElfProgramHeader
        {
            Type = ElfProgramHeader.TypeNote,
            Flags = ElfProgramHeader.FlagRead,
            Offset = (ulong)notesOffset,
            FileSize = (ulong)notesLength,
            Alignment = 4,
        };
        WriteOne(output, note);
        var count = 1;
        foreach (var load in loads)
        {
            // gdb's library looks for an ELF header where each PT_LOAD points to. At 0 it would find the core's own and read
            // all notes once more per segment, which makes every thread appear that many times: an empty one points elsewhere.
            WriteOne(output, load.FileSize == 0 ? load with { Offset = (ulong)notesOffset } : load);
            count = checked(count + 1);
        }
        return count;
    }

    private static void WriteOne(Stream output, ElfProgramHeader header) =>
        output.Write(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref header, 1)));
}
