using ProcMigrate.Remote.Ssh;
using Xunit;

namespace ProcMigrate.Tests.Remote;

public class LineStreamTests
{
    [Fact]
    public void ReadLine_ThenRead_LosesNothing()
    {
        var stream = new LineStream(new MemoryStream("one\n\ntwo\nrest\nof it"u8.ToArray()));
        Assert.Equal("one", stream.ReadLine(3));
        Assert.Equal("", stream.ReadLine(3));
        Assert.Equal("two", stream.ReadLine(3));
        Assert.Equal("rest\nof it", new StreamReader(stream).ReadToEnd());
    }

    [Fact]
    public void ReadLine_CarriageReturnAtItsEnd_IsTakenOff() =>
        Assert.Equal("one", new LineStream(new MemoryStream("one\r\n"u8.ToArray())).ReadLine(10));

    [Fact]
    public void ReadLine_UnfinishedLastLine_Counts()
    {
        var stream = new LineStream(new MemoryStream("end"u8.ToArray()));
        Assert.Equal("end", stream.ReadLine(3));
        Assert.Null(stream.ReadLine(3));
    }

    [Fact]
    public void ReadLine_EndlessLine_IsRefused()
    {
        var stream = new LineStream(new MemoryStream(new byte[100_000]));
        Assert.Throws<InvalidDataException>(() => stream.ReadLine(65536));
    }
}
