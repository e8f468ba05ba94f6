using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote.Transfer;
using Xunit;

namespace ProcMigrate.Tests.Remote;

public class FrameTests
{
    private static readonly ImageOffer Offer = new(1, "sim.pmi", 123, Guid.NewGuid(), 60, "/tmp/it's");

    [Fact]
    public void Frames_AnyData_ArriveUnchanged() => Prop
        .ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<long>(), (data, any) =>
        {
            long offset = any & long.MaxValue;
            var reader = Reader(Write(writer => WriteData(writer, offset, data)));
            return reader.Read() == FrameType.Data && reader.Data(out long seen).SequenceEqual(data) && seen == offset;
        })
        .QuickCheckThrowOnFailure();

    [Fact]
    public void Frames_SeveralOfAllSorts_ArriveInOrder()
    {
        var reader = Reader(Write(writer =>
        {
            writer.WriteMessage(FrameType.Offer, Offer, TransferJson.Default.ImageOffer);
            WriteData(writer, 7, new byte[FrameHeader.MaxData]);
            writer.WriteEnd();
        }));
        Assert.Equal(FrameType.Offer, reader.Read());
        Assert.Equal(Offer, reader.Message(TransferJson.Default.ImageOffer));
        Assert.Equal(FrameType.Data, reader.Read());
        Assert.Equal(FrameHeader.MaxData, reader.Data(out _).Length);
        Assert.Equal(FrameType.End, reader.Read());
        Assert.Equal(FrameFault.Ended, FaultOf(() => reader.Read()));
    }

    [Fact]
    public void Read_EndedAtAnyByte_SaysSo()
    {
        byte[] bytes = Write(writer => writer.WriteMessage(FrameType.Offer, Offer, TransferJson.Default.ImageOffer));
        for (int length = 0; length < bytes.Length; length++)
            Assert.Equal(FrameFault.Ended, FaultOf(() => Reader(bytes[..length]).Read()));
    }

    [Fact]
    public void Read_AnyBitFlipped_IsNoticed()
    {
        byte[] bytes = Write(writer => WriteData(writer, 4096, [1, 2, 3, 4, 5]));
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] flipped = [.. bytes];
            flipped[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Throws<FrameException>(() => Reader(flipped).Read());
        }
    }

    [Theory]
    [InlineData((byte)FrameType.Offer, 65537u)]
    [InlineData((byte)FrameType.Refused, 0x80000000u)]
    [InlineData((byte)FrameType.End, 0xffffffffu)]
    [InlineData((byte)FrameType.Data, 1024u * 1024 + 9)]
    [InlineData((byte)FrameType.Data, 0xffffffffu)]
    [InlineData((byte)FrameType.Memory, 1024u * 1024 + 16 + 64 * 16 + 1)]
    public void Read_LengthAboveTheLimit_IsRefusedBeforeAnythingIsRead(byte type, uint length) =>
        Assert.Equal(FrameFault.TooLong, FaultOf(() => Reader(Forge(type, length, [])).Read()));

    [Theory]
    [InlineData(0u)]
    [InlineData(13u)]
    [InlineData(0x101u)]
    public void Read_UnknownType_IsRefused(uint type) =>
        Assert.Equal(FrameFault.UnexpectedType, FaultOf(() => Reader(Forge(type, 0, [])).Read()));

    [Fact]
    public void Read_SomethingElse_IsNotAFrame() =>
        Assert.Equal(FrameFault.NotAFrame, FaultOf(() => Reader("Last login: Mon Nov 20 from"u8.ToArray()).Read()));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"version\":1,\"name\":null,\"length\":1,\"imageId\":\"x\"}")]
    [InlineData("{\"version\":1")]
    [InlineData("\u00ff")]
    public void Message_ThatIsNone_IsRefused(string text)
    {
        byte[] payload = System.Text.Encoding.Latin1.GetBytes(text);
        var reader = Reader(Forge((byte)FrameType.Offer, (uint)payload.Length, payload));
        reader.Read();
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => reader.Message(TransferJson.Default.ImageOffer)));
    }

    [Fact]
    public void Data_WithoutOffset_IsRefused()
    {
        var reader = Reader(Forge((byte)FrameType.Data, 7, new byte[7]));
        reader.Read();
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => reader.Data(out _)));
    }

    [Fact]
    public void Data_ForANegativeOffset_IsRefused() =>
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => ReadData(Write(writer => WriteData(writer, -1, [1])))));

    [Theory]
    [InlineData(0, new int[0])]
    [InlineData(2, new[] { 4096 })]
    [InlineData(1, new[] { 8192 })]
    [InlineData(2, new[] { 4096, 8192 })]
    [InlineData(2, new[] { 4096, 0, 4096 })]
    [InlineData(2, new[] { 12288, -4096 })]
    [InlineData(2, new[] { 4100, 4092 })]
    public void Memory_WhosePlacesDoNotFit_IsRefused(int pages, int[] lengths) => Assert.Equal(FrameFault.BadPayload, FaultOf(() => ReadData(Write(
        writer => writer.WriteMemory(0, [.. lengths.Select(l => new MemoryPlace(0x1000, 1, l))], 0, new byte[pages * 4096])))));

    [Theory]
    [InlineData(-1)]
    [InlineData(65)]
    [InlineData(int.MaxValue)]
    public void Memory_WithPlacesBeyondItsEnd_IsRefused(int count)
    {
        byte[] payload = new byte[16 + 64 * 16];
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(12), count);
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => ReadData(Forge((byte)FrameType.Memory, (uint)payload.Length, payload))));
    }

    [Fact]
    public void Memory_AtNoPage_IsRefused() => Assert.Equal(FrameFault.BadPayload, FaultOf(() => ReadData(Write(
        writer => writer.WriteMemory(0, [new MemoryPlace(0x1001, 1, 4096)], 0, new byte[4096])))));

    private static readonly Guid Asked = Guid.NewGuid();

    [Fact]
    public void Answer_ToThisOfferAboutThisStep_IsItsText()
    {
        var reader = Reader(Write(writer => writer.WriteAnswer(FrameType.Answer, FarStep.Ready, Asked, "ö")));
        Assert.Equal(FrameType.Answer, reader.Read());
        Assert.Equal("ö", reader.Answer(FarStep.Ready, Asked));
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => reader.Answer(FarStep.Runs, Asked)));
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => reader.Answer(FarStep.Ready, Guid.NewGuid())));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void Answer_ThatIsTooShort_IsRefused(int length)
    {
        var reader = Reader(Forge((byte)FrameType.Answer, (uint)length, new byte[length]));
        reader.Read();
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => reader.Answer(0, Guid.Empty)));
    }

    [Fact]
    public void Answer_ThatIsNoText_IsRefused()
    {
        byte[] payload = new byte[18];
        payload[17] = 0xff;
        var reader = Reader(Forge((byte)FrameType.Answer, 18, payload));
        reader.Read();
        Assert.Equal(FrameFault.BadPayload, FaultOf(() => reader.Answer(0, Guid.Empty)));
    }

    [Fact]
    public void SignsOfLife_AreNoAnswer()
    {
        var reader = Reader(Write(writer =>
        {
            writer.WriteAlive();
            writer.WriteAlive();
            writer.WriteEnd();
        }));
        Assert.Equal(FrameType.End, reader.Read());
    }

    private static void ReadData(byte[] bytes)
    {
        var reader = Reader(bytes);
        reader.Read();
        reader.Data(out _);
    }

    [Fact]
    public void Read_Silence_EndsWhenPatienceDoes()
    {
        var reader = new FrameReader(new SilentStream()) { Patience = TimeSpan.FromMilliseconds(50) };
        Assert.Equal(FrameFault.Silent, FaultOf(() => reader.Read()));
    }

    [Fact]
    public async Task Read_Cancelled_Ends()
    {
        using var cancel = new CancellationTokenSource();
        var reader = new FrameReader(new SilentStream()) { Patience = TimeSpan.FromMinutes(10), Cancel = cancel.Token };
        Task reading = Task.Run(() => reader.Read(), TestContext.Current.CancellationToken);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    internal static byte[] Write(Action<FrameWriter> write)
    {
        var stream = new MemoryStream();
        write(new FrameWriter(stream));
        return stream.ToArray();
    }

    internal static void WriteData(FrameWriter writer, long offset, ReadOnlySpan<byte> data)
    {
        data.CopyTo(writer.DataBuffer.Span);
        writer.WriteData(offset, data.Length);
    }

    /// <summary>A frame with any type and length, and the checksum to go with it.</summary>
    internal static byte[] Forge(uint type, uint length, byte[] payload)
    {
        byte[] frame = new byte[FrameHeader.Size + payload.Length];
        "PMF1"u8.CopyTo(frame);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(4), type);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(8), length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(12), Crc32C.Append(Crc32C.Compute(frame.AsSpan(0, 12)), payload));
        payload.CopyTo(frame, FrameHeader.Size);
        return frame;
    }

    private static FrameReader Reader(byte[] bytes) => new(new MemoryStream(bytes));

    private static FrameFault FaultOf(Action action) => Assert.Throws<FrameException>(action).Fault;
}
