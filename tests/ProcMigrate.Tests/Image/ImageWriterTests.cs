using System.Runtime.InteropServices;
using ProcMigrate.Image;

namespace ProcMigrate.Tests.Image;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed partial class ImageWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<bool> Unnamed => [true, false];

    private static ImageWriter Create(string path, bool overwrite, bool unnamed) =>
        unnamed ? ImageWriter.Create(path, overwrite) : ImageWriter.CreateNamed(path, overwrite);

    [Theory]
    [MemberData(nameof(Unnamed))]
    public void NothingIsSeenBeforeCommit_AndNothingLeftWithoutIt(bool unnamed)
    {
        var path = folder.File("a.pmi");
        using (var writer = Create(path, false, unnamed))
        {
            SampleImage.Fill(writer);
            Assert.False(File.Exists(path));
            Assert.All(folder.Names(), name => Assert.Matches(@"^\.a\.pmi\.[0-9a-f]{32}\.partial$", name));
        }
        Assert.Empty(folder.Names());
    }

    [Theory]
    [MemberData(nameof(Unnamed))]
    public void Commit_MakesAFileForTheOwnerOnly(bool unnamed)
    {
        var path = folder.File("a.pmi");
        using (var writer = Create(path, false, unnamed))
        {
            SampleImage.Fill(writer);
            writer.Commit();
        }
        Assert.Equal(["a.pmi"], folder.Names());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        ImageReader.Open(path).Dispose();
    }

    [Theory]
    [MemberData(nameof(Unnamed))]
    public void TargetThatAppearsMeanwhile_IsNotOverwritten(bool unnamed)
    {
        var path = folder.File("a.pmi");
        using (var writer = Create(path, false, unnamed))
        {
            SampleImage.Fill(writer);
            File.WriteAllText(path, "mine");
            Assert.Equal(ImageError.Exists, Assert.Throws<ImageException>(writer.Commit).Error);
        }
        Assert.Equal("mine", File.ReadAllText(path));
        Assert.Equal(["a.pmi"], folder.Names());
    }

    [Theory]
    [MemberData(nameof(Unnamed))]
    public void Overwrite_ReplacesAtCommitOnly(bool unnamed)
    {
        var path = folder.File("a.pmi");
        File.WriteAllText(path, "old");
        Assert.Equal(ImageError.Exists, Assert.Throws<ImageException>(() => Create(path, false, unnamed)).Error);
        using (var writer = Create(path, true, unnamed))
        {
            SampleImage.Fill(writer);
            Assert.Equal("old", File.ReadAllText(path));
            writer.Commit();
        }
        Assert.Equal(["a.pmi"], folder.Names());
        ImageReader.Open(path).Dispose();
    }

    /// <summary>/dev/null with --force: it would be a file from then on, for everybody.</summary>
    [Fact]
    public void Overwrite_OfWhatIsNoFile_IsRefused()
    {
        var path = folder.File("socket");
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, 0);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
        foreach (var target in new[] { path, "/dev/null" })
            Assert.Equal(ImageError.CannotWrite, Assert.Throws<ImageException>(() => Create(target, true, false)).Error);
        Assert.Equal(["socket"], folder.Names());
    }

    [Fact]
    public void NameOf255Bytes_IsPossible()
    {
        var name = new string('ä', 127);
        using (var writer = ImageWriter.CreateNamed(folder.File(name), false))
        {
            SampleImage.Fill(writer);
            writer.Commit();
        }
        Assert.Equal([name], folder.Names());
    }

    [Fact]
    public void ImpossibleTargets_AreNamed()
    {
        var missing = Assert.Throws<ImageException>(() => ImageWriter.Create(folder.File("no/such/a.pmi"), false));
        Assert.Equal(ImageError.CannotWrite, missing.Error);
        Assert.Contains($"the folder {folder.File("no/such")} does not exist", missing.Message, StringComparison.Ordinal);
        Assert.Equal(ImageError.CannotWrite, Assert.Throws<ImageException>(() => ImageWriter.Create(folder.Path, true)).Error);
        Assert.Equal(ImageError.CannotWrite, Assert.Throws<ImageException>(() => ImageWriter.Create(folder.Path + "/", true)).Error);
        var kernel = Assert.Throws<ImageException>(() => ImageWriter.Create("/proc/self/a.pmi", false));
        Assert.Equal(ImageError.CannotWrite, kernel.Error);
        Assert.NotEqual(0, kernel.Errno);
    }

    [Theory]
    [MemberData(nameof(Unnamed))]
    public void FullDisk_IsRecognised_AndLeavesNothing(bool unnamed)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small tmpfs needs root");
        Exception? failure = null;
        // The mount exists for this thread alone and goes with it.
        var thread = new Thread(() => failure = Record.Exception(() => OnTmpfs(1 << 20, () =>
        {
            using var writer = Create(folder.File("full.pmi"), false, unnamed);
            using var section = writer.BeginProcess(SampleTree.Root);
            var error = Assert.Throws<ImageException>(() => section.WriteMemory(SampleTree.Heap, new byte[2 << 20]));
            Assert.Equal((ImageError.NoSpace, 28), (error.Error, error.Errno));
            Assert.InRange(error.BytesNeeded, 2 << 20, 3 << 20);
            Assert.Contains("no space is left", error.Message, StringComparison.Ordinal);
            section.Dispose();
            Assert.Throws<InvalidOperationException>(() => writer.Commit());
            writer.Dispose();
            Assert.Empty(folder.Names());
        })));
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    private void OnTmpfs(int bytes, Action action)
    {
        const int cloneNewNs = 0x20000, cloneFs = 0x200;
        const ulong recursivePrivate = 0x4000 | 0x40000;
        Assert.Equal(0, Unshare(cloneNewNs | cloneFs));
        Assert.Equal(0, Mount("none", "/", null, recursivePrivate, null));
        Assert.Equal(0, Mount("none", folder.Path, "tmpfs", 0, $"size={bytes}"));
        action();
    }

    [Fact]
    public void WrongOrder_IsRefused()
    {
        var tree = SampleTree.Create();
        using var writer = ImageWriter.Create(folder.File("a.pmi"), false);
        Assert.Throws<InvalidOperationException>(() => writer.Commit());
        var section = writer.BeginProcess(SampleTree.Root);
        Assert.Throws<InvalidOperationException>(() => writer.BeginProcess(SampleTree.Child));
        Assert.Throws<InvalidOperationException>(() => writer.WriteTree(tree));
        Assert.Throws<InvalidOperationException>(() => writer.Commit());
        section.Complete(SampleTree.Core(tree.Processes[0]), SampleTree.Mappings(tree.Processes[0]));
        Assert.Throws<ObjectDisposedException>(() => section.WriteMemory(SampleTree.Heap, new byte[4096]));
        Assert.Throws<ArgumentException>(() => writer.BeginProcess(SampleTree.Root));
        writer.WriteTree(tree);
        Assert.Throws<InvalidOperationException>(() => writer.WriteTree(tree));
        Assert.Throws<InvalidOperationException>(() => writer.BeginProcess(SampleTree.Child));
        var unfinished = Assert.Throws<InvalidOperationException>(() => writer.Commit());
        Assert.Contains($"process {SampleTree.Child} has no core", unfinished.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SectionGivenUp_CannotBeCommitted()
    {
        using var writer = ImageWriter.Create(folder.File("a.pmi"), false);
        writer.BeginProcess(SampleTree.Root).Dispose();
        Assert.Throws<InvalidOperationException>(() => writer.Commit());
    }

    [Fact]
    public void CommittedImage_CannotBeChanged()
    {
        using var writer = ImageWriter.Create(folder.File("a.pmi"), false);
        SampleImage.Fill(writer);
        writer.Commit();
        Assert.Throws<InvalidOperationException>(() => writer.WriteObjectData(SampleTree.MemoryObject, 0, new byte[10]));
        Assert.Throws<InvalidOperationException>(() => writer.Commit());
        ImageReader.Open(folder.File("a.pmi")).Dispose();
    }

    [Fact]
    public void WhatNoReaderWouldAccept_IsNotWritten()
    {
        var tree = SampleTree.Create();
        using var writer = ImageWriter.Create(folder.File("a.pmi"), false);
        using var section = writer.BeginProcess(SampleTree.Root);
        var core = SampleTree.Core(tree.Processes[0]);
        var mappings = SampleTree.Mappings(tree.Processes[0]);
        Assert.Throws<ArgumentException>(() => section.WriteMemory(SampleTree.Heap + 1, new byte[4096]));
        Assert.Throws<ArgumentException>(() => section.WriteMemory(SampleTree.Heap, new byte[4095]));
        Assert.Throws<ArgumentOutOfRangeException>(() => section.WriteMemory((1UL << 47) - 4096, new byte[8192]));
        Assert.Throws<ArgumentException>(() => section.Complete(core with { Pid = 3 }, mappings));
        Assert.Throws<ArgumentException>(() => section.Complete(core with { Threads = [] }, mappings));
        Assert.Throws<ArgumentException>(() => section.Complete(core with { Threads = [core.Threads[0] with { Registers = new byte[8] }] }, mappings));
        Assert.Throws<ArgumentException>(() => section.Complete(core, [mappings[1], mappings[0]]));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.WriteObjectData(0, 0, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.WriteObjectData(1, -1, new byte[1]));
        section.Complete(core, mappings);
        var bad = tree with { Processes = [tree.Processes[0] with { ExecutableObject = 50 }] };
        Assert.Throws<InvalidOperationException>(() => writer.WriteTree(bad));
    }

    [LibraryImport("libc", EntryPoint = "unshare")]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string? type, ulong flags, string? data);
}
