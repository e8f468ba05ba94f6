using System.Text.RegularExpressions;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Linux.Files;
using ProcMigrate.Tests.Image;
using ProcMigrate.Tests.Linux;

namespace ProcMigrate.Tests.Engine;

public sealed class ElfBuildIdTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("-Wl,--build-id=sha1", 40)]
    [InlineData("-Wl,--build-id=md5", 32)]
    [InlineData("-Wl,--build-id=0x0123456789abcdef", 16)]
    public void TheId_IsWhatReadelfSays(string option, int digits)
    {
        string program = CProgram.Compile(_folder, [option], ("x.c", "int main(void) { return 0; }"));
        string? id = Read(program);
        Assert.Equal(digits, id?.Length);
        Assert.Equal(FromReadelf(program), id);
    }

    [Fact]
    public void SharedLibraries_AndTheSystemsOwn()
    {
        string library = CProgram.Compile(_folder, ["-shared", "-fPIC", "-Wl,--build-id=sha1"], ("x.c", "int f(void) { return 0; }"));
        Assert.Equal(FromReadelf(library), Read(library));
        Assert.Equal(FromReadelf("/proc/self/exe"), Read("/proc/self/exe"));
    }

    [Fact]
    public void AProgramWithoutOne_HasNone() =>
        Assert.Null(Read(CProgram.Compile(_folder, ["-Wl,--build-id=none"], ("x.c", "int main(void) { return 0; }"))));

    [Fact]
    public void AnotherProgram_HasAnotherId()
    {
        using var other = new TemporaryFolder();
        string one = CProgram.Compile(_folder, ["-Wl,--build-id"], ("x.c", "int main(void) { return 1; }"));
        string two = CProgram.Compile(other, ["-Wl,--build-id"], ("x.c", "int main(void) { return 2; }"));
        Assert.NotEqual(Read(one), Read(two));
    }

    [Fact]
    public void FilesThatAreNoProgram_AreNoError()
    {
        string text = _folder.File("text");
        File.WriteAllText(text, new string('x', 1000));
        Assert.Null(Read(text));
        Assert.Null(Read(_folder.Path));
        Assert.Null(Read("/dev/null"));
    }

    /// <summary>A file may be cut or patched by anyone: no offset or size in it may make us read wildly or fail.</summary>
    [Fact]
    public void CutAndPatchedPrograms_AreNoError()
    {
        byte[] program = File.ReadAllBytes(CProgram.Compile(_folder, ["-Wl,--build-id"], ("x.c", "int main(void) { return 0; }")));
        string damaged = _folder.File("damaged");
        string? whole = null;
        var random = new Random(1);
        for (int round = 0; round < 300; round++)
        {
            byte[] copy = [.. program];
            if (round > 0 && round % 2 == 0)
                copy = copy[..random.Next(64, 1024)];
            else if (round > 0)
                Array.Fill(copy, (byte)random.Next(256), random.Next(4, 1000), random.Next(1, 24));
            File.WriteAllBytes(damaged, copy);
            string? id = Read(damaged);
            whole ??= id;
            Assert.True(id is null || id.Length % 2 == 0);
        }
        Assert.NotNull(whole);
    }

    private static string? Read(string path) => ElfBuildId.TryRead(path, FileStatus.OfPath(path));

    private static string FromReadelf(string path)
    {
        Tool.RequireOrSkip("readelf");
        Tool.Result result = Tool.Run("readelf", "-n", Path.GetFullPath(new FileInfo(path).ResolveLinkTarget(true)?.FullName ?? path));
        return Regex.Match(result.Output, "Build ID: ([0-9a-f]+)").Groups[1].Value;
    }
}
