using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Sockets;

/// <summary>Sockets of every kind, saved under other kernels than this one (tests/images/sockets): restored here, they judge themselves.</summary>
public sealed class KernelImageTests : SystemTest
{
    // Where the programs were started, and where they write their verdict.
    private const string Started = "/tmp/procmigrate-sockets";

    private static readonly string Kept = Path.Combine(Places.Root, "tests/images/sockets");

    public static TheoryData<string> Images { get; } =
        [.. Directory.GetFiles(Kept, "*.image", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Kept, f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Images))]
    public void Sockets_SavedUnderAnotherKernel_Pass(string image)
    {
        string folder = Path.Combine(Started, Path.GetFileNameWithoutExtension(image));
        Directory.CreateDirectory(folder);
        try
        {
            // Another processor, too, and pids that others may have.
            Answer restored = Binary.Restore(Path.Combine(Kept, image), "--force", "--pid-namespace", "--files", Folder["files"]);
            int pid = restored.Final!.Value.GetProperty("pid").GetInt32();
            using ProgramUnderTest program = ProgramUnderTest.Adopt(Folder, pid);
            program.Signal(Native.SIGUSR1);
            string verdict = Path.Combine(folder, "out");
            Wait.Until(() => File.Exists(verdict) && File.ReadAllText(verdict).EndsWith('\n') || !program.IsAlive, () => "no verdict");
            Assert.Equal("PASS\n", File.ReadAllText(verdict));
        }
        finally
        {
            Directory.Delete(Started, recursive: true);
        }
    }
}
