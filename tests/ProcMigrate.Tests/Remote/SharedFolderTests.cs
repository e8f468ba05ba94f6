using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;
using ProcMigrate.Tests.Image;
using Xunit;

namespace ProcMigrate.Tests.Remote;

/// <summary>An image that goes where others make files, too: what they have planted there is neither written to, nor believed, nor removed.</summary>
[Collection(StateFolderCollection.Name)]
public sealed class SharedFolderTests : IDisposable
{
    private const string StateVariable = "XDG_STATE_HOME";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly Guid Id = Guid.NewGuid();
    private static readonly byte[] Content = new byte[20 << 20];

    private readonly TemporaryFolder folder = new();
    private readonly TemporaryFolder state = new();
    private readonly string? oldState = Environment.GetEnvironmentVariable(StateVariable);

    static SharedFolderTests() => Random.Shared.NextBytes(Content);

    public SharedFolderTests() => Environment.SetEnvironmentVariable(StateVariable, state.File("state"));

    private string Target => folder.File("sim.pmi");

    private string Notes => state.File("state/procmigrate/partials");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(StateVariable, oldState);
        folder.Dispose();
        state.Dispose();
    }

    [Fact]
    public void CutAndSentAgain_GoesOn()
    {
        string partial = Cut();
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(partial));
        Assert.DoesNotContain($"{Id:N}", Path.GetFileName(partial), StringComparison.Ordinal);
        Assert.Equal(12L << 20, ResumedAt());
        Assert.Equal(Content, File.ReadAllBytes(Target));
        Assert.Equal(["sim.pmi"], folder.Names());
        Assert.Empty(Directory.GetFiles(Notes));
    }

    /// <summary>Under the name that could be guessed once, and under the one that is noted.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LinkThatWasPlanted_IsNotFollowed(bool underTheNotedName)
    {
        string victim = state.File("victim");
        File.WriteAllText(victim, "mine");
        string planted = folder.File($".{Id:N}-{Content.Length}.partial");
        if (underTheNotedName)
            File.Delete(planted = Cut());
        File.CreateSymbolicLink(planted, victim);
        Assert.Equal(0, ResumedAt());
        Assert.Equal("mine", File.ReadAllText(victim));
        Assert.Equal(Content, File.ReadAllBytes(Target));
        Assert.Null(new FileInfo(Target).LinkTarget);
    }

    [Fact]
    public void HardLinkThatWasPlanted_IsNotWrittenTo()
    {
        string partial = Cut();
        File.Move(partial, state.File("kept"));
        string victim = state.File("victim");
        File.WriteAllBytes(victim, Content.AsSpan(0, 12 << 20));
        File.SetUnixFileMode(victim, OwnerOnly);
        Link(victim, partial);
        Assert.Equal(0, ResumedAt());
        Assert.Equal(12 << 20, new FileInfo(victim).Length);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherRead)]
    public void PartialThatOthersCanReach_IsNotAdopted(UnixFileMode more)
    {
        string partial = Cut();
        File.SetUnixFileMode(partial, OwnerOnly | more);
        Assert.Equal(0, ResumedAt());
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Target));
    }

    [Fact]
    public void PartialOfAnotherOwner_IsNotAdopted()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give a file away");
        Own(Cut());
        Assert.Equal(0, ResumedAt());
        Assert.Equal(Content, File.ReadAllBytes(Target));
    }

    /// <summary>An image that says of itself that it is the one is not, if it is somebody else's.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SameImageOfAnotherOwner_IsNotTaken(bool link)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can give a file away");
        string other = link ? state.File("other") : Target;
        File.WriteAllBytes(other, Content);
        if (link)
            File.CreateSymbolicLink(Target, other);
        else
            Own(other);
        var e = Assert.Throws<RemoteException>(() => Receive([.. OfferOnly(), .. End()]));
        Assert.Equal(RemoteFailure.NameTaken, e.Reason);
    }

    /// <summary>What is noted in the state folder is acted upon, so nobody else may write there; whoever's HOME it is.</summary>
    [Fact]
    public void StateFolderOfOthers_IsRefused()
    {
        string notes = MigrationFolder.Path();
        UnixFileMode mode = File.GetUnixFileMode(notes);
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, mode);
        File.SetUnixFileMode(notes, mode | UnixFileMode.OtherWrite);
        AssertRefused("can be written by others");
        File.SetUnixFileMode(notes, mode);
        MigrationFolder.Path();
        if (Environment.IsPrivilegedProcess)
        {
            Own(notes);
            AssertRefused("belongs to another user (uid 1234");
        }
    }

    /// <summary>With a umask that lets the group write, as many have it, versions before made it so.</summary>
    [Fact]
    public void FolderAboveThem_IsClosed_AndRefusedIfItIsAnothers()
    {
        string above = Path.GetDirectoryName(MigrationFolder.Path())!;
        UnixFileMode mode = File.GetUnixFileMode(above);
        File.SetUnixFileMode(above, mode | UnixFileMode.GroupWrite);
        MigrationFolder.Path();
        Assert.Equal(mode, File.GetUnixFileMode(above));
        if (Environment.IsPrivilegedProcess)
        {
            Own(above);
            AssertRefused("belongs to another user (uid 1234");
        }
    }

    [Fact]
    public void StateFolderThatIsALink_IsRefused()
    {
        string elsewhere = Directory.CreateDirectory(state.File("elsewhere"), OwnerOnly | UnixFileMode.UserExecute).FullName;
        Directory.CreateDirectory(state.File("state/procmigrate"), OwnerOnly | UnixFileMode.UserExecute);
        Directory.CreateSymbolicLink(state.File("state/procmigrate/migrations"), elsewhere);
        AssertRefused("is no folder");
    }

    private static void AssertRefused(string why)
    {
        var e = Assert.Throws<RemoteException>(MigrationFolder.Path);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.Contains("XDG_STATE_HOME", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A transfer that ends after 12 MiB; the file that is left.</summary>
    private string Cut()
    {
        Assert.Throws<RemoteException>(() => Receive([.. OfferOnly(), .. Data(0, 12 << 20)]));
        return folder.File(Assert.Single(folder.Names(), name => name.EndsWith(".partial", StringComparison.Ordinal)));
    }

    /// <summary>Sends the image, as a sender that believes what is there.</summary>
    private long ResumedAt()
    {
        var output = new MemoryStream();
        long from = 0;
        // The far side answers before it reads on; so the input is made when that answer is there.
        var input = new LaterStream(OfferOnly(), () =>
        {
            output.Position = 0;
            var reader = new FrameReader(output);
            reader.Read();
            from = reader.Message(TransferJson.Default.TransferGo).Offset;
            output.Position = output.Length;
            return [.. Data(from, Content.Length), .. End()];
        });
        new ImageReceiver(input, output, null, _ => Id).Receive();
        return from;
    }

    private static void Receive(byte[] bytes) => new ImageReceiver(new MemoryStream(bytes), new MemoryStream(), null, _ => Id).Receive();

    private byte[] OfferOnly() => FrameTests.Write(writer => writer.WriteMessage(
        FrameType.Offer, new ImageOffer(ImageOffer.CurrentVersion, "sim.pmi", Content.Length, Id, 60, folder.Path + "/"), TransferJson.Default.ImageOffer));

    private static byte[] Data(long from, long to) => FrameTests.Write(writer =>
    {
        for (long at = from; at < to; at += FrameHeader.MaxData)
            FrameTests.WriteData(writer, at, Content.AsSpan((int)at, (int)Math.Min(FrameHeader.MaxData, to - at)));
    });

    private static byte[] End() => FrameTests.Write(writer => writer.WriteEnd());

    private static void Link(string old, string name) => Assert.Equal(0, ShellRun.Run("/bin/sh", $"ln '{old}' '{name}'", []).ExitCode);

    private static void Own(string path) => Assert.Equal(0, ShellRun.Run("/bin/sh", $"chown 1234 '{path}'", []).ExitCode);

    /// <summary>What comes after the beginning is made when it is asked for.</summary>
    private sealed class LaterStream(byte[] start, Func<byte[]> rest) : MemoryStream
    {
        private MemoryStream now = new(start);
        private bool later;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int n = now.Read(buffer.Span);
            if (n == 0 && !later)
            {
                later = true;
                now = new MemoryStream(rest());
                n = now.Read(buffer.Span);
            }
            return ValueTask.FromResult(n);
        }
    }
}
