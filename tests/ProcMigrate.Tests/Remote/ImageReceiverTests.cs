using ProcMigrate.Image;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Transfer;
using ProcMigrate.Tests.Image;
using Xunit;

namespace ProcMigrate.Tests.Remote;

/// <summary>The far side of a transfer, fed byte for byte.</summary>
public sealed class ImageReceiverTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly Guid Id = Guid.NewGuid();
    private static readonly byte[] Content = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];

    private readonly TemporaryFolder folder = new();

    private string Target => folder.File("sim.pmi");

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Receive_WholeImage_IsThereUnderItsNameForItsOwnerAlone()
    {
        var (result, answer) = Receive(Transfer(Offer()));
        Assert.Equal(new ReceiveResult(Target, Id, Content.Length, AlreadyThere: false), result);
        Assert.Equal(Content, File.ReadAllBytes(Target));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Target));
        Assert.Equal(["sim.pmi"], folder.Names());
        Assert.Equal(new ImageStored(Target, Id, Content.Length, AlreadyThere: false), answer.Stored);
    }

    [Fact]
    public void Receive_CutAtAnyByte_LeavesNothing()
    {
        byte[] whole = Transfer(Offer());
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Equal(RemoteFailure.ConnectionCut, FailureOf(whole[..length]).Reason);
            Assert.Empty(folder.Names());
        }
    }

    [Fact]
    public void Receive_Silence_LeavesNothing()
    {
        byte[] started = FrameTests.Write(writer => writer.WriteMessage(
            FrameType.Offer, Offer() with { SilenceSeconds = 1 }, TransferJson.Default.ImageOffer));
        var e = Assert.Throws<RemoteException>(
            () => new ImageReceiver(new StartThenSilence(started), new MemoryStream(), null, VerifyAs(Id)).Receive());
        Assert.Equal(RemoteFailure.ConnectionCut, e.Reason);
        Assert.Empty(folder.Names());
    }

    [Fact]
    public void Receive_SameImageThere_SucceedsWithoutData()
    {
        File.WriteAllBytes(Target, Content);
        var (result, answer) = Receive(OfferOnly(Offer()));
        Assert.True(result.AlreadyThere);
        Assert.True(answer.Stored!.AlreadyThere);
    }

    [Theory]
    [InlineData(5, true)]
    [InlineData(300, true)]
    [InlineData(300, false)]
    public void Receive_AnotherFileThere_IsNotTouched(int length, bool isImage)
    {
        byte[] other = new byte[length];
        File.WriteAllBytes(Target, other);
        var e = FailureOf(
            OfferOnly(Offer()), path => isImage ? Guid.NewGuid() : throw new ImageException(ImageError.NotAnImage, path, "not an image"));
        Assert.Equal(RemoteFailure.NameTaken, e.Reason);
        Assert.Contains(Target, e.Message, StringComparison.Ordinal);
        Assert.Equal(other, File.ReadAllBytes(Target));
    }

    [Fact]
    public void Receive_NameTakenMeanwhile_IsNotTouched()
    {
        byte[] other = [1, 2, 3];
        var e = FailureOf(Transfer(Offer()), path =>
        {
            File.WriteAllBytes(Target, other);
            return Id;
        });
        Assert.Equal(RemoteFailure.NameTaken, e.Reason);
        Assert.Equal(other, File.ReadAllBytes(Target));
        Assert.Equal(["sim.pmi"], folder.Names());
    }

    [Fact]
    public void Receive_SameImageThereMeanwhile_Succeeds()
    {
        var output = new MemoryStream();
        var result = new ImageReceiver(new MemoryStream(Transfer(Offer())), output, null, path =>
        {
            File.WriteAllBytes(Target, Content);
            return Id;
        }).Receive();
        Assert.True(result!.AlreadyThere);
        Assert.Equal(["sim.pmi"], folder.Names());
    }

    [Fact]
    public void Receive_DamagedImage_IsNotKept()
    {
        var e = FailureOf(Transfer(Offer()), path => throw new ImageException(ImageError.Damaged, path, $"{path} is damaged: wrong checksum"));
        Assert.Equal((RemoteFailure.ImageRejected, 4), (e.Reason, e.ExitCode));
        Assert.Contains("sim.pmi is damaged", e.Message, StringComparison.Ordinal);
        Assert.Empty(folder.Names());
    }

    [Fact]
    public void Receive_AnotherImageThanOffered_IsNotKept()
    {
        Assert.Equal(RemoteFailure.ImageRejected, FailureOf(Transfer(Offer()), VerifyAs(Guid.NewGuid())).Reason);
        Assert.Empty(folder.Names());
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../sim.pmi")]
    [InlineData("/etc/passwd")]
    [InlineData("a\0b")]
    public void Receive_NameThatIsAPath_IsRefused(string name)
    {
        Assert.Equal(RemoteFailure.ProtocolError, FailureOf(OfferOnly(Offer() with { Name = name })).Reason);
        Assert.Empty(folder.Names());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void Receive_NegativeLength_IsRefused(long length) =>
        Assert.Equal(RemoteFailure.ProtocolError, FailureOf(OfferOnly(Offer() with { Length = length })).Reason);

    [Fact]
    public void Receive_MoreThanTheDiskHolds_IsRefusedBeforeTheTransfer()
    {
        var e = FailureOf(OfferOnly(Offer() with { Length = 1L << 50 }));
        Assert.Equal(RemoteFailure.NoSpace, e.Reason);
        Assert.Contains("are free", e.Message, StringComparison.Ordinal);
        Assert.Empty(folder.Names());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Receive_SenseslessPatience_IsRefused(int seconds) =>
        Assert.Equal(RemoteFailure.ProtocolError, FailureOf(OfferOnly(Offer() with { SilenceSeconds = seconds })).Reason);

    [Fact]
    public void Receive_AnotherVersion_IsRefused() =>
        Assert.Contains("version 1", FailureOf(OfferOnly(Offer() with { Version = 1 })).Message, StringComparison.Ordinal);

    private static readonly Dictionary<string, Action<FrameWriter>> WrongDataWriters = new()
    {
        ["a gap"] = writer => FrameTests.WriteData(writer, 1, new byte[10]),
        ["a step back"] = writer =>
        {
            FrameTests.WriteData(writer, 0, new byte[10]);
            FrameTests.WriteData(writer, 0, new byte[10]);
        },
        ["a negative offset"] = writer => FrameTests.WriteData(writer, -1, new byte[10]),
        ["too much"] = writer => FrameTests.WriteData(writer, 0, new byte[301]),
        ["too little"] = writer =>
        {
            FrameTests.WriteData(writer, 0, new byte[299]);
            writer.WriteEnd();
        },
        ["a second offer"] = writer => writer.WriteMessage(FrameType.Offer, new(1, "x", 1, Id, 1), TransferJson.Default.ImageOffer),
        ["a far frame"] = writer => writer.WriteMessage(FrameType.Go, new(0), TransferJson.Default.TransferGo),
    };

    public static TheoryData<string> WrongData => [.. WrongDataWriters.Keys];

    [Theory]
    [MemberData(nameof(WrongData))]
    public void Receive_WrongData_LeavesNothing(string what)
    {
        byte[] bytes = [.. OfferOnly(Offer()), .. FrameTests.Write(WrongDataWriters[what])];
        Assert.Equal(RemoteFailure.ProtocolError, FailureOf(bytes).Reason);
        Assert.Empty(folder.Names());
    }

    [Fact]
    public void Receive_ToAFile_TakesItsName()
    {
        string other = folder.File("it's another\nname");
        Receive(Transfer(Offer() with { To = other }));
        Assert.Equal([Path.GetFileName(other)], folder.Names());
    }

    [Theory]
    [InlineData("missing/sim.pmi")]
    [InlineData("missing/")]
    public void Receive_ToAMissingFolder_IsRefused(string to)
    {
        var e = FailureOf(OfferOnly(Offer() with { To = folder.File(to) }));
        Assert.Equal(RemoteFailure.TargetUnusable, e.Reason);
        Assert.Contains(folder.File("missing"), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Receive_NoFolderNamed_TakesTheReceiversOwn()
    {
        var output = new MemoryStream();
        new ImageReceiver(new MemoryStream(Transfer(Offer() with { To = null })), output, folder.Path, VerifyAs(Id)).Receive();
        Assert.Equal(["sim.pmi"], folder.Names());
    }

    private ImageOffer Offer() => new(ImageOffer.CurrentVersion, "sim.pmi", Content.Length, Id, 60, folder.Path + "/");

    private static byte[] OfferOnly(ImageOffer offer) =>
        FrameTests.Write(writer => writer.WriteMessage(FrameType.Offer, offer, TransferJson.Default.ImageOffer));

    private static byte[] Transfer(ImageOffer offer) => FrameTests.Write(writer =>
    {
        writer.WriteMessage(FrameType.Offer, offer, TransferJson.Default.ImageOffer);
        FrameTests.WriteData(writer, 0, Content.AsSpan(0, 100));
        FrameTests.WriteData(writer, 100, Content.AsSpan(100));
        writer.WriteEnd();
    });

    private static Func<string, Guid> VerifyAs(Guid id) => path =>
    {
        Assert.Equal(Content, File.ReadAllBytes(path));
        return id;
    };

    private static (ReceiveResult Result, Answer Answer) Receive(byte[] bytes)
    {
        var output = new MemoryStream();
        var result = new ImageReceiver(new MemoryStream(bytes), output, null, VerifyAs(Id)).Receive();
        return (result!, Answer.Last(output.ToArray()));
    }

    /// <summary>The failure, which the sender was told in the same words unless it was gone.</summary>
    private static RemoteException FailureOf(byte[] bytes, Func<string, Guid>? verify = null)
    {
        var output = new MemoryStream();
        var e = Assert.Throws<RemoteException>(() => new ImageReceiver(new MemoryStream(bytes), output, null, verify ?? VerifyAs(Id)).Receive());
        if (e.Reason != RemoteFailure.ConnectionCut)
            Assert.Equal(e.Id, Answer.Last(output.ToArray()).Refusal!.Reason);
        return e;
    }

    /// <summary>The last frame that the receiver sent.</summary>
    private sealed record Answer(ImageStored? Stored, TransferRefusal? Refusal)
    {
        public static Answer Last(byte[] bytes)
        {
            var reader = new FrameReader(new MemoryStream(bytes));
            while (reader.Read() == FrameType.Go)
            {
            }
            return reader.Type == FrameType.Stored
                ? new Answer(reader.Message(TransferJson.Default.ImageStored), null)
                : new Answer(null, reader.Message(TransferJson.Default.TransferRefusal));
        }
    }

    private sealed class StartThenSilence(byte[] start) : MemoryStream(start)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int n = Read(buffer.Span);
            if (n == 0)
                await Task.Delay(Timeout.Infinite, cancellationToken);
            return n;
        }
    }
}
