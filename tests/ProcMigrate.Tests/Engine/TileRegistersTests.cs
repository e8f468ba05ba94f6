using ProcMigrate.Engine.Save;

namespace ProcMigrate.Tests.Engine;

public class TileRegistersTests
{
    [Theory]
    [InlineData(0x2e7, false)] // AVX-512 and protection keys
    [InlineData(0x202e7, false)] // with the tiles' configuration, which takes no permission
    [InlineData(0x602e7, true)]
    public void OnlyThePermissionForTilesCounts(ulong permitted, bool expected) => Assert.Equal(expected, TileRegisters.Has(permitted));
}
