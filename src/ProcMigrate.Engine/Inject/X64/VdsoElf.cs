using System.Buffers.Binary;
using System.Text;

namespace ProcMigrate.Engine.Inject.X64;

/// <summary>The kernel's code in every program (vdso(7)), as bytes: an ELF file of one segment whose addresses are offsets.</summary>
internal sealed class VdsoElf
{
    /// <summary>No redirection is longer, and no entry point of a vdso that we could redirect is followed by another sooner.</summary>
    public const int RedirectionLength = 20;

    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int DynamicSize = 16;
    private const int SymbolSize = 24;
    private const uint PT_DYNAMIC = 2;
    private const long DT_STRTAB = 5;
    private const long DT_SYMTAB = 6;
    private const int STT_FUNC = 2;

    private readonly byte[] _bytes;

    private VdsoElf(byte[] bytes) => _bytes = bytes;

    /// <summary>Offsets of the functions for programs, by name. Aliases without the prefix stand at the same places.</summary>
    public Dictionary<string, int> Entries { get; } = [];

    /// <returns>Null where the bytes are no vdso.</returns>
    public static VdsoElf? Parse(byte[] bytes)
    {
        if (bytes.Length < HeaderSize || !bytes.AsSpan().StartsWith("\u007fELF\u0002\u0001"u8))
            return null;
        var elf = new VdsoElf(bytes);
        long table = elf.Word(32), dynamic = 0, dynamicEnd = 0;
        for (int i = 0; i < BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(56)); i++)
        {
            long header = table + i * ProgramHeaderSize;
            if ((uint)elf.Word(header) == PT_DYNAMIC)
                (dynamic, dynamicEnd) = (elf.Word(header + 8), elf.Word(header + 8) + elf.Word(header + 32));
        }
        long strings = 0, symbols = 0;
        for (; dynamic < dynamicEnd && elf.Word(dynamic) != 0; dynamic += DynamicSize)
        {
            if (elf.Word(dynamic) == DT_STRTAB)
                strings = elf.Word(dynamic + 8);
            else if (elf.Word(dynamic) == DT_SYMTAB)
                symbols = elf.Word(dynamic + 8);
        }
        // The linker puts the names right behind the symbols.
        if (symbols > 0 && strings < bytes.Length)
            elf.ReadSymbols(symbols, strings);
        return elf.Entries.Count > 0 ? elf : null;
    }

    public bool IsEntry(int offset)
    {
        foreach (int entry in Entries.Values)
        {
            if (entry == offset)
                return true;
        }
        return false;
    }

    /// <summary>Whether both are the same code, but for redirections at its entry points.</summary>
    public bool SameBut(byte[] other)
    {
        if (other.Length != _bytes.Length)
            return false;
        byte[] ours = [.. _bytes], theirs = [.. other];
        foreach (int entry in Entries.Values)
        {
            ours.AsSpan(entry, RedirectionLength).Clear();
            theirs.AsSpan(entry, RedirectionLength).Clear();
        }
        return ours.AsSpan().SequenceEqual(theirs);
    }

    /// <summary>Whether its first entry point jumps away: then it is one that we have redirected in an earlier restore.</summary>
    public bool IsRedirected()
    {
        foreach (int entry in Entries.Values)
        {
            // As Redirection writes it.
            if (_bytes[entry] == 0x48 && _bytes[entry + 1] == 0xb8 && _bytes[entry + 10] == 0xff && _bytes[entry + 11] == 0xe0)
                return true;
        }
        return false;
    }

    private void ReadSymbols(long symbols, long strings)
    {
        for (long at = symbols; at + SymbolSize <= strings; at += SymbolSize)
        {
            long value = Word(at + 8), size = Word(at + 16);
            string name = Name(strings + (uint)Word(at));
            if ((Word(at) >> 32 & 0xf) == STT_FUNC && name.StartsWith("__vdso_", StringComparison.Ordinal)
                && size >= RedirectionLength && size <= _bytes.Length && value >= HeaderSize && value <= _bytes.Length - size)
                Entries[name] = (int)value;
        }
    }

    private string Name(long at)
    {
        if (at < 0 || at >= _bytes.Length)
            return "";
        ReadOnlySpan<byte> rest = _bytes.AsSpan((int)at);
        int end = rest.IndexOf((byte)0);
        return Encoding.ASCII.GetString(end < 0 ? rest : rest[..end]);
    }

    /// <summary>0 outside: an image may say anything.</summary>
    private long Word(long at) =>
        at >= 0 && at <= _bytes.Length - 8 ? BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan((int)at)) : 0;
}
