namespace ProcMigrate.Remote.Deployment;

/// <summary>The CRC of cksum(1): polynomial 0x04c11db7, most significant bit first, the length behind the data.</summary>
internal static class PosixChecksum
{
    private const uint Polynomial = 0x04c11db7;
    private static readonly uint[] Table = BuildTable();

    public static uint Compute(ReadOnlySpan<byte> data)
    {
        uint crc = 0;
        foreach (byte b in data)
            crc = Step(crc, b);
        for (uint length = (uint)data.Length; length != 0; length >>= 8)
            crc = Step(crc, (byte)length);
        return ~crc;
    }

    private static uint Step(uint crc, byte b) => crc << 8 ^ Table[crc >> 24 ^ b];

    private static uint[] BuildTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i << 24;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 0x80000000) != 0 ? crc << 1 ^ Polynomial : crc << 1;
            table[i] = crc;
        }
        return table;
    }
}
