using System.Buffers.Binary;

namespace ProcMigrate.Linux.Network;

/// <summary>Messages to nf_tables as they are built: numbers in network order, attributes within attributes.</summary>
internal sealed class NetlinkRequest
{
    private const ushort NLM_F_REQUEST = 1;
    private const ushort NLM_F_ACK = 4;
    private const ushort NLA_F_NESTED = 0x8000;

    private byte[] _bytes = new byte[1024];
    private int _length;
    private int _message;

    /// <summary>Answers to expect if all goes well.</summary>
    public int Acknowledged { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>struct nlmsghdr and struct nfgenmsg.</summary>
    public void Begin(int type, int flags, byte family, ushort resource, bool acknowledge)
    {
        _message = _length;
        Span<byte> header = Take(20);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], (ushort)type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], (ushort)(flags | NLM_F_REQUEST | (acknowledge ? NLM_F_ACK : 0)));
        header[16] = family;
        BinaryPrimitives.WriteUInt16BigEndian(header[18..], resource);
        Acknowledged += acknowledge ? 1 : 0;
        End();
    }

    public void Add(int type, ReadOnlySpan<byte> value)
    {
        Span<byte> attribute = Take(4 + (value.Length + 3 & ~3));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute[2..], (ushort)type);
        value.CopyTo(attribute[4..]);
        End();
    }

    public void Add(int type, string text) => Add(type, CString.Of(text));

    public void Add(int type, uint number)
    {
        Span<byte> value = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(value, number);
        Add(type, value);
    }

    public void AddLong(int type, ulong number)
    {
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(value, number);
        Add(type, value);
    }

    /// <summary>Opens an attribute of attributes; to be closed with what this returns.</summary>
    public int Open(int type)
    {
        int at = _length;
        Add(type | NLA_F_NESTED, default(ReadOnlySpan<byte>));
        return at;
    }

    public void Close(int opened) => BinaryPrimitives.WriteUInt16LittleEndian(_bytes.AsSpan(opened), (ushort)(_length - opened));

    private void End() => BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(_message), _length - _message);

    private Span<byte> Take(int size)
    {
        while (_length + size > _bytes.Length)
            Array.Resize(ref _bytes, _bytes.Length * 2);
        _length += size;
        return _bytes.AsSpan(_length - size, size);
    }
}
