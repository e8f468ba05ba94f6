using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Tests.Linux;

public class DescriptorTests
{
    private static int Own => Environment.ProcessId;

    [Fact]
    public void ADuplicate_IsTheSameOpenFile_AndAnotherOpenIsNot()
    {
        using Descriptor file = MemoryFile.Create("test");
        using Descriptor again = Descriptor.Duplicate(file.Number);
        using Descriptor other = FileCalls.Open($"/proc/self/fd/{file.Number}", OpenFlags.O_RDWR);
        Assert.Equal(0, Kcmp.Compare(Own, Own, Kcmp.KCMP_FILE, file.Number, again.Number));
        Assert.NotEqual(0, Kcmp.Compare(Own, Own, Kcmp.KCMP_FILE, file.Number, other.Number));
        Assert.True(FileStatus.Of(file).IsSameFile(FileStatus.Of(other)));
    }

    [Fact]
    public void TakenFromAProcess_ByItsPidFd()
    {
        using Descriptor file = MemoryFile.Create("test");
        FileCalls.WriteAt(file, "content"u8, 0);
        using PidFd self = PidFd.Open(Own);
        using Descriptor taken = self.Take(file.Number);
        Assert.NotEqual(file.Number, taken.Number);
        byte[] content = new byte[20];
        Assert.Equal(7, FileCalls.ReadAt(taken, content, 0));
        Assert.Equal("content"u8, content.AsSpan(0, 7));
    }

    [Fact]
    public void FdInfo_TellsCloseOnExecApartFromTheOpenFilesFlags()
    {
        using Descriptor file = MemoryFile.Create("test");
        FileCalls.SetFlags(file, OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK);
        FileCalls.Seek(file, 1234);
        DescriptorInfo info = DescriptorInfo.Of(Own, file.Number);
        Assert.True(info.CloseOnExec);
        Assert.Equal(1234, info.Position);
        Assert.Equal(OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK | OpenFlags.O_RDWR | OpenFlags.O_LARGEFILE, info.Flags);
        FileCalls.ClearCloseOnExec(file);
        Assert.Equal(info.Flags, DescriptorInfo.Of(Own, file.Number).Flags);
        Assert.False(DescriptorInfo.Of(Own, file.Number).CloseOnExec);
    }

    [Fact]
    public void Data_IsFoundBetweenHoles()
    {
        using Descriptor file = MemoryFile.Create("test");
        FileCalls.SetLength(file, 100 * PageSize.Bytes);
        Assert.Null(FileCalls.NextData(file, 0));
        FileCalls.WriteAt(file, new byte[PageSize.Bytes], 10 * PageSize.Bytes);
        Assert.Equal((10L * PageSize.Bytes, 11L * PageSize.Bytes), FileCalls.NextData(file, 0));
        Assert.Null(FileCalls.NextData(file, 11 * PageSize.Bytes));
    }

    [Fact]
    public void AFailedCall_NamesCallTargetAndErrno()
    {
        LinuxException failure = Assert.Throws<LinuxException>(() => FileCalls.Open("/no such folder/file", OpenFlags.O_RDONLY));
        Assert.Equal((Errno.ENOENT, "/no such folder/file"), (failure.Errno, failure.Target));
        Assert.Contains("/no such folder/file", failure.Message, StringComparison.Ordinal);
        Assert.Contains("(errno 2)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OnlyAFileThatIsNotThere_IsNoFile()
    {
        Assert.Null(FileStatus.TryOfPath("/no such folder/file"));
        Assert.Equal(FileType.CharacterDevice, FileStatus.TryOfPath("/dev/null")?.Type);
        Assert.Equal((1U, 3U), (FileStatus.OfPath("/dev/null").RealDeviceMajor, FileStatus.OfPath("/dev/null").RealDeviceMinor));
    }
}
