using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Tests.Image;

public class Crc32CTests
{
    /// <summary>The vectors of RFC 3720, B.4.</summary>
    [Fact]
    public void VectorsOfRfc3720()
    {
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()));
        Assert.Equal(0x113FDB5Cu, Crc32C.Compute(Enumerable.Range(0, 32).Select(i => (byte)(31 - i)).ToArray()));
        Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0u, Crc32C.Compute([]));
    }

    [Fact]
    public void AnyLength_EqualsTheDefinition_AndCanBeContinued()
    {
        var lengths = Gen.OneOf(Gen.Choose(0, 100), Gen.Choose(4000, 4200), Gen.Choose(0, 40_000));
        Prop.ForAll(Gen.Zip(lengths, Gen.Choose(0, 1000)).ToArbitrary(), pair =>
        {
            var data = new byte[pair.Item1];
            new Random(pair.Item2).NextBytes(data);
            var cut = data.Length * pair.Item2 / 1000;
            var expected = ByDefinition(data);
            Assert.Equal(expected, Crc32C.Compute(data));
            Assert.Equal(expected, Crc32C.Append(Crc32C.Compute(data.AsSpan(0, cut)), data.AsSpan(cut)));
        }).QuickCheckThrowOnFailure();
    }

    /// <summary>Bit by bit, with the reflected polynomial.</summary>
    private static uint ByDefinition(byte[] data)
    {
        var register = uint.MaxValue;
        foreach (var value in data)
        {
            register ^= value;
            for (var bit = 0; bit < 8; bit++) register = (register & 1) != 0 ? (register >> 1) ^ 0x82F63B78 : register >> 1;
        }
        return ~register;
    }
}
