using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.Tests.Linux;

public sealed class PathCallsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Entries_AreAllNames_AsTheyAre()
    {
        var expected = new List<string> { folder.File("plain"), folder.File("caf\udce9"), folder.File("new\nline"), folder.File("\ufffd") };
        for (int i = 0; i < 3000; i++)
            expected.Add(folder.File($"{i}-{new string('x', 50)}"));
        foreach (string path in expected)
            FileCalls.Open(path, OpenFlags.O_CREAT | OpenFlags.O_WRONLY, 0x180).Dispose();
        List<string> found = PathCalls.Entries(folder.Path);
        found.Sort(StringComparer.Ordinal);
        expected.Sort(StringComparer.Ordinal);
        Assert.Equal(expected, found);
        expected.ForEach(FolderCalls.Unlink);
        Assert.Empty(PathCalls.Entries(folder.Path));
    }

    [Fact]
    public void Entries_OfWhatIsNoFolder_SayWhy()
    {
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => PathCalls.Entries(folder.File("none"))).Errno);
        Assert.Equal(Errno.ENOTDIR, Assert.Throws<LinuxException>(() => PathCalls.Entries("/proc/self/stat")).Errno);
    }

    [Fact]
    public void Names_AreThereOrNot()
    {
        string made = folder.File("d\udcff"), link = folder.File("l\udcfe");
        FolderCalls.MakeFolder(made, 0x1c0);
        FolderCalls.MakeSymbolicLink("nowhere", link);
        Assert.Equal((true, true, true, false), (PathCalls.IsFolder(made), PathCalls.Exists(made), PathCalls.Exists(link), PathCalls.IsFolder(link)));
        PathCalls.Rename(link, made + "/x");
        Assert.Equal((false, true), (PathCalls.Exists(link), PathCalls.Exists(made + "/x")));
        PathCalls.TryUnlink(made + "/x");
        PathCalls.TryUnlink(made + "/x");
        FolderCalls.RemoveFolder(made);
        Assert.False(PathCalls.Exists(made));
    }

    [Fact]
    public void FullPath_OfAnAbsoluteOne_IsItsShortest() => Assert.Equal("/b/c\udce9", PathCalls.Full("/a/../b/.//c\udce9"));

    [Fact]
    public void FullPath_OfARelativeOne_BeginsWithTheWorkingFolder() =>
        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "x\udce9"), PathCalls.Full("x\udce9"));
}
