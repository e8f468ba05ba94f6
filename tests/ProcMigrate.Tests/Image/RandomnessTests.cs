using ProcMigrate.Image.Storage;

namespace ProcMigrate.Tests.Image;

public sealed class RandomnessTests
{
    [Fact]
    public void Hex_GivesAsManyBytesAsAskedFor_EachTimeOthers()
    {
        var seen = new HashSet<string>();
        for (int i = 0; i < 1000; i++)
        {
            string text = Randomness.Hex(16);
            Assert.Matches("^[0-9a-f]{32}$", text);
            Assert.True(seen.Add(text), text);
        }
        // Each digit at each place: none is constant.
        for (int place = 0; place < 32; place++)
            Assert.Equal(16, seen.Select(text => text[place]).Distinct().Count());
        Assert.Equal("", Randomness.Hex(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Randomness.Hex(257));
    }
}
