using System.Buffers.Binary;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Inject.X64;

/// <summary>
/// The XSAVE area as ptrace shows it (the standard format of the manual), whose size and places differ between processors: the same
/// state in the form of another one.
/// </summary>
internal static class XsaveArea
{
    private const int LegacySize = 512;
    private const int HeaderSize = 64;
    private const int MxcsrAt = 24;
    private const int MxcsrMaskAt = 28;
    private const uint DefaultMxcsrMask = 0xffbf;

    // Bytes that the processor leaves to software; the kernel puts XCR0 there.
    private const int SoftwareAt = 464;
    private const ulong Legacy = 3;
    private const int ProtectionKeys = 9;

    // Keys 1 to 15 closed: what the kernel gives every program that has asked for none.
    private const uint UsualProtectionKeys = 0x5555_5554;

    private static readonly string[] Names =
        ["x87", "SSE", "AVX", "MPX bounds", "MPX settings", "AVX-512 masks", "AVX-512 upper halves", "AVX-512 registers 16 to 31", "PT", "protection keys"];

    /// <summary>Components in use that this processor does not have: their content would be lost.</summary>
    public static List<string> Lost(byte[] saved, CpuRecord from, CpuRecord here)
    {
        var lost = new List<string>();
        foreach (XsaveComponentRecord component in from.XsaveLayout)
        {
            if (Find(here, component.Bit) is null && InUse(saved, component))
                lost.Add(component.Bit < Names.Length ? Names[component.Bit] : $"component {component.Bit}");
        }
        return lost;
    }

    /// <param name="fresh">The state of a thread here that has not used any of it.</param>
    public static byte[] Convert(byte[] saved, CpuRecord from, byte[] fresh, CpuRecord here)
    {
        byte[] area = new byte[fresh.Length];
        saved.AsSpan(0, Math.Min(LegacySize, saved.Length)).CopyTo(area);
        fresh.AsSpan(SoftwareAt, LegacySize - SoftwareAt).CopyTo(area.AsSpan(SoftwareAt));
        KeepMxcsrValid(area, fresh);
        ulong present = Present(saved) & Legacy;
        foreach (XsaveComponentRecord place in here.XsaveLayout)
        {
            XsaveComponentRecord? old = Find(from, place.Bit);
            // A processor without keys has told nothing of them: then they are as for a new program.
            byte[] source = old is null && place.Bit == ProtectionKeys ? fresh : saved;
            XsaveComponentRecord? at = source == fresh ? place : old;
            if (at is null || (Present(source) >> place.Bit & 1) == 0 || at.Offset + at.Size > source.Length || place.Offset + at.Size > area.Length)
                continue;
            source.AsSpan(at.Offset, at.Size).CopyTo(area.AsSpan(place.Offset));
            present |= 1UL << place.Bit;
        }
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(LegacySize), present);
        return area;
    }

    private static XsaveComponentRecord? Find(CpuRecord cpu, int bit) => cpu.XsaveLayout.FirstOrDefault(c => c.Bit == bit);

    /// <summary>XSTATE_BV, the first word of the header: components that are not in their initial state.</summary>
    private static ulong Present(byte[] area) =>
        area.Length < LegacySize + HeaderSize ? Legacy : BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(LegacySize));

    private static bool InUse(byte[] area, XsaveComponentRecord component)
    {
        if ((Present(area) >> component.Bit & 1) == 0 || component.Offset + component.Size > area.Length)
            return false;
        ReadOnlySpan<byte> content = area.AsSpan(component.Offset, component.Size);
        return component.Bit == ProtectionKeys
            ? BinaryPrimitives.ReadUInt32LittleEndian(content) is not (0 or UsualProtectionKeys)
            : content.IndexOfAnyExcept((byte)0) >= 0;
    }

    /// <summary>The kernel refuses bits that the processor does not know.</summary>
    private static void KeepMxcsrValid(byte[] area, byte[] fresh)
    {
        uint mask = BinaryPrimitives.ReadUInt32LittleEndian(fresh.AsSpan(MxcsrMaskAt));
        mask = mask == 0 ? DefaultMxcsrMask : mask;
        uint mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(area.AsSpan(MxcsrAt));
        BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(MxcsrAt), mxcsr & mask);
        BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(MxcsrMaskAt), mask);
    }
}
