using System.Buffers.Binary;
using System.Numerics;

namespace ProcMigrate.Remote.Deployment;

/// <summary>
/// What sha256sum(1) says (FIPS 180-4). Not .NET's, which loads OpenSSL, from where an environment variable says, also in a program whose
/// file gives it capabilities; so whoever may start the program would run code with them.
/// </summary>
internal static class Sha256Sum
{
    public const int Size = 32;
    private const int Block = 64;
    private const int Rounds = 64;

    // FIPS 180-4, 5.3.3: of the square roots of the first 8 primes, the first 32 bits after the point.
    private static ReadOnlySpan<uint> Start =>
    [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ];

    // 4.2.2: of the cube roots of the first 64 primes.
    private static ReadOnlySpan<uint> RoundConstants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    public static byte[] Compute(ReadOnlySpan<byte> data)
    {
        Span<uint> state = stackalloc uint[Start.Length];
        Start.CopyTo(state);
        ReadOnlySpan<byte> rest = data;
        for (; rest.Length >= Block; rest = rest[Block..])
            Mix(state, rest[..Block]);

        // 5.1.1: a one bit, zeros, and the length in bits as the last 8 bytes of a block.
        Span<byte> last = stackalloc byte[2 * Block];
        last.Clear();
        rest.CopyTo(last);
        last[rest.Length] = 0x80;
        int end = rest.Length + 1 + sizeof(ulong) <= Block ? Block : 2 * Block;
        BinaryPrimitives.WriteUInt64BigEndian(last[(end - sizeof(ulong))..], (ulong)data.Length * 8);
        for (int at = 0; at < end; at += Block)
            Mix(state, last.Slice(at, Block));

        byte[] digest = new byte[Size];
        for (int i = 0; i < state.Length; i++)
            BinaryPrimitives.WriteUInt32BigEndian(digest.AsSpan(i * sizeof(uint)), state[i]);
        return digest;
    }

    /// <summary>6.2.2, with its names.</summary>
    private static void Mix(Span<uint> state, ReadOnlySpan<byte> block)
    {
        Span<uint> w = stackalloc uint[Rounds];
        Expand(w, block);
        uint a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
        for (int t = 0; t < Rounds; t++)
        {
            uint sum1 = Turn(e, 6) ^ Turn(e, 11) ^ Turn(e, 25);
            uint choice = (e & f) ^ (~e & g);
            uint t1 = h + sum1 + choice + RoundConstants[t] + w[t];
            uint sum0 = Turn(a, 2) ^ Turn(a, 13) ^ Turn(a, 22);
            uint majority = (a & b) ^ (a & c) ^ (b & c);
            (h, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + sum0 + majority);
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }

    private static void Expand(Span<uint> w, ReadOnlySpan<byte> block)
    {
        for (int t = 0; t < Block / sizeof(uint); t++)
            w[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(t * sizeof(uint))..]);
        for (int t = Block / sizeof(uint); t < Rounds; t++)
        {
            uint small0 = Turn(w[t - 15], 7) ^ Turn(w[t - 15], 18) ^ (w[t - 15] >> 3);
            uint small1 = Turn(w[t - 2], 17) ^ Turn(w[t - 2], 19) ^ (w[t - 2] >> 10);
            w[t] = small1 + w[t - 7] + small0 + w[t - 16];
        }
    }

    private static uint Turn(uint word, int bits) => BitOperations.RotateRight(word, bits);
}
