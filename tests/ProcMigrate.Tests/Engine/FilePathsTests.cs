using ProcMigrate.Engine.Kinds;
using ProcMigrate.Linux.Files;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.Tests.Engine;

public sealed class FilePathsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(OpenFlags.O_RDONLY)]
    [InlineData(OpenFlags.O_RDWR | OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK)]
    [InlineData(OpenFlags.O_WRONLY | OpenFlags.O_SYNC)]
    public void AFileOpenedAnew_HasTheFlagsThatItHad(OpenFlags flags)
    {
        string path = _folder.File("data");
        File.WriteAllText(path, "content");
        FileState state = FileState.Of(path, FileStatus.OfPath(path), flags, 0);
        using Descriptor file = FilePaths.Open(state, flags, opening => FileCalls.Open(path, opening));
        using Descriptor direct = FileCalls.Open(path, flags);
        Assert.Equal(FileCalls.GetFlags(direct), FileCalls.GetFlags(file));
    }

    /// <summary>Flags of the moment of opening are not made to happen again: nothing is cut off or made.</summary>
    [Fact]
    public void FlagsOfTheFirstOpening_AreNotRepeated()
    {
        string path = _folder.File("data");
        File.WriteAllText(path, "content");
        FileState state = FileState.Of(path, FileStatus.OfPath(path), OpenFlags.O_RDWR, 0);
        FilePaths.Open(state, OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_TRUNC | OpenFlags.O_EXCL, opening => FileCalls.Open(path, opening)).Dispose();
        Assert.Equal("content", File.ReadAllText(path));
        File.Delete(path);
        Assert.Throws<ProcMigrate.Linux.LinuxException>(() => FilePaths.Open(state, OpenFlags.O_RDWR | OpenFlags.O_CREAT, opening => FileCalls.Open(path, opening)));
        Assert.Empty(_folder.Names());
    }
}
