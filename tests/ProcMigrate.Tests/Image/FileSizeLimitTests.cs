using System.Runtime.InteropServices;
using ProcMigrate.Image;

namespace ProcMigrate.Tests.Image;

/// <summary>The limit holds for the whole process: nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(FileSizeLimitTests), DisableParallelization = true)]
[Collection(nameof(FileSizeLimitTests))]
public sealed partial class FileSizeLimitTests : IDisposable
{
    private const int RLIMIT_FSIZE = 1;
    private const ulong Limit = 64 << 20;
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void FileSizeLimit_IsAnErrorAndNotTheEnd()
    {
        using (var writer = ImageWriter.Create(folder.File("a.pmi"), false))
        {
            var error = WithLimit(() => Assert.Throws<ImageException>(() => Write(writer, Limit + (1 << 20))));
            Assert.Equal((ImageError.NoSpace, 27), (error.Error, error.Errno));
            Assert.Contains("ulimit -f", error.Message, StringComparison.Ordinal);
        }
        Assert.Empty(folder.Names());
    }

    private static void Write(ImageWriter writer, ulong bytes)
    {
        var block = new byte[1 << 20];
        for (ulong at = 0; at < bytes; at += (ulong)block.Length) writer.WriteObjectData(1, (long)at, block);
    }

    private static T WithLimit<T>(Func<T> action)
    {
        Assert.Equal(0, GetLimit(RLIMIT_FSIZE, out var before));
        Assert.Equal(0, SetLimit(RLIMIT_FSIZE, before with { Soft = Limit }));
        try
        {
            return action();
        }
        finally
        {
            Assert.Equal(0, SetLimit(RLIMIT_FSIZE, before));
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ResourceLimit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out ResourceLimit limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimit(int resource, in ResourceLimit limit);
}
