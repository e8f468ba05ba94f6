using System.Buffers.Binary;

namespace ProcMigrate.Engine.Restore.X64;

/// <summary>
/// Finds <see cref="SaveSite"/>s in machine code (glibc 2.26 and later, sysdeps/x86_64/dl-trampoline.h and dl-tlsdesc-dynamic.h):
/// sub variable(%rip),%rsp; registers are moved into the room; mov $mask,%eax; xor %edx,%edx; zeros; xsave or xsavec n(%rsp).
/// </summary>
internal sealed class SaveSites
{
    // From one end to the other they are some hundred bytes.
    private const int Reach = 256;

    // mov %rbx,-24(%rsp); mov %rsp,%rbx; and $-64,%rsp
    private const int RedZoneReach = 16;

    // sub rel32(%rip),%rsp
    private static ReadOnlySpan<byte> SubVariable => [0x48, 0x2b, 0x25];

    // xor %edx,%edx
    private static ReadOnlySpan<byte> ZeroEdx => [0x31, 0xd2];

    // mov %rbx,-24(%rsp)
    private static ReadOnlySpan<byte> KeepRbx => [0x48, 0x89, 0x5c, 0x24, 0xe8];

    private SaveSites()
    {
    }

    public List<SaveSite> Known { get; } = [];

    /// <summary>Addresses of instructions that save vector registers on the stack, into room of which it is not clear how it was made.</summary>
    public List<ulong> Unknown { get; } = [];

    /// <param name="address">Where the code is in the program.</param>
    public static SaveSites Find(ReadOnlySpan<byte> code, ulong address)
    {
        var sites = new SaveSites();
        for (int at = 0; at + 5 <= code.Length; at++)
        {
            int next = code[at..].IndexOf((byte)0x0f);
            if (next < 0 || (at += next) + 5 > code.Length)
                break;
            if (Save(code[at..]) is not var (compact, displacement))
                continue;
            if (Site(code, at, address, compact, displacement) is { } site)
                sites.Known.Add(site);
            else
                sites.Unknown.Add(address + (ulong)at);
        }
        return sites;
    }

    /// <summary>xsave is 0f ae /4, xsavec 0f c7 /4; its operand here n(%rsp).</summary>
    private static (bool Compact, int Displacement)? Save(ReadOnlySpan<byte> code)
    {
        if (code[1] is not (0xae or 0xc7))
            return null;
        bool compact = code[1] == 0xc7;
        return code[2..] switch
        {
            [0x64, 0x24, var displacement, ..] => (compact, (sbyte)displacement),
            [0xa4, 0x24, _, _, _, _, ..] => (compact, BinaryPrimitives.ReadInt32LittleEndian(code[4..])),
            _ => null,
        };
    }

    private static SaveSite? Site(ReadOnlySpan<byte> code, int xsave, ulong address, bool compact, int displacement)
    {
        int from = Math.Max(0, xsave - Reach);
        ReadOnlySpan<byte> before = code[from..xsave];
        int sub = before.LastIndexOf(SubVariable);
        // Before the second comes mov imm32,%eax.
        int mask = before.LastIndexOf(ZeroEdx) - 5;
        if (sub < 0 || mask < sub + SaveSite.SubLength || before[mask] != 0xb8 || displacement < 0)
            return null;
        ulong end = address + (ulong)(from + sub + SaveSite.SubLength);
        ReadOnlySpan<byte> entry = before[Math.Max(0, sub - RedZoneReach)..sub];
        return new SaveSite(
            end - SaveSite.SubLength, address + (ulong)xsave, end + (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(before[(sub + 3)..]),
            BinaryPrimitives.ReadUInt32LittleEndian(before[(mask + 1)..]), displacement, compact, entry.IndexOf(KeepRbx) >= 0);
    }
}
