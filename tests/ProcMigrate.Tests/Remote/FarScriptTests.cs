using System.Text;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Tests.Image;
using Xunit;

namespace ProcMigrate.Tests.Remote;

/// <summary>The far shell's part, run by a local shell. /bin/echo plays procmigrate: it is an executable, and it shows its arguments.</summary>
public sealed class FarScriptTests : IDisposable
{
    private const string Nonce = "0123";
    private static readonly string EchoPath = File.ResolveLinkTarget("/bin/echo", returnFinalTarget: true)?.FullName ?? "/bin/echo";

    private readonly TemporaryFolder home = new();
    private readonly LocalExecutable executable = LocalExecutable.For(new SshTarget("n2") { Executable = EchoPath });
    private readonly FarScript script;

    public FarScriptTests() => script = new FarScript(executable, Nonce);

    private string Installed => home.File($".cache/procmigrate/{executable.Sha256}/procmigrate");

    private string[] Files => Directory.GetFiles(home.Path, "*", SearchOption.AllDirectories);

    public void Dispose() => home.Dispose();

    [Fact]
    public void Verb_ExecutableNotThere_SaysAbsentAndWhatTheHostIs()
    {
        var (output, errors, exitCode) = Run(script.Verb(["inspect"]));
        Assert.Contains("procmigrate 0123 absent Linux ", output, StringComparison.Ordinal);
        Assert.Equal(("", 0), (errors, exitCode));
        Assert.Empty(Files);
    }

    [Fact]
    public void Upload_ThenVerb_RunsItWithItsArgumentsAndTellsTheExitCode()
    {
        var upload = Run(script.Upload(), executable.Bytes);
        Assert.Equal("\nprocmigrate 0123 ready\n\nprocmigrate 0123 stored\n", upload.Output);
        Assert.Equal([Installed], Files);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Installed));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(Installed)!));

        var verb = Run(script.Verb(["restore", "it's a\nfile"]));
        Assert.Equal("\nprocmigrate 0123 ready\nrestore it's a\nfile\n\nprocmigrate 0123 exit 0\n", verb.Output);
    }

    [Fact]
    public void Verb_ExecutableDamaged_IsAbsent()
    {
        Run(script.Upload(), executable.Bytes);
        byte[] damaged = [.. executable.Bytes];
        damaged[^1] ^= 1;
        File.WriteAllBytes(Installed, damaged);
        Assert.Contains("absent", Run(script.Verb(["inspect"])).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(10_000)]
    public void Upload_ThatBreaksOff_LeavesNothing(int bytes)
    {
        Assert.Contains("procmigrate 0123 failed checksum", Run(script.Upload(), executable.Bytes[..bytes]).Output, StringComparison.Ordinal);
        Assert.Empty(Files);
    }

    [Fact]
    public void Upload_FolderCannotBeMade_SaysSo()
    {
        File.WriteAllText(home.File(".cache"), "in the way");
        var (output, errors, _) = Run(script.Upload(), executable.Bytes);
        Assert.Contains("procmigrate 0123 failed folder", output, StringComparison.Ordinal);
        Assert.Contains("mkdir", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Upload_ExecutableThatDoesNotRun_SaysSo()
    {
        // A header alone passes for an executable as long as nobody starts it.
        string path = home.File("header");
        File.WriteAllBytes(path, executable.Bytes[..64]);
        var broken = LocalExecutable.For(new SshTarget("n2") { Executable = path });
        var (output, errors, _) = Run(new FarScript(broken, Nonce).Upload(), broken.Bytes);
        Assert.Contains("procmigrate 0123 failed run", output, StringComparison.Ordinal);
        Assert.NotEmpty(errors);
    }

    [Fact]
    public void Upload_HostWithoutSha256sum_ChecksWithCksum()
    {
        string tools = Directory.CreateDirectory(home.File("bin")).FullName;
        foreach (string tool in new[] { "sh", "mkdir", "chmod", "cat", "mv", "rm", "cksum", "sync", "uname", "ls", "id" })
            File.CreateSymbolicLink(Path.Combine(tools, tool), File.Exists($"/bin/{tool}") ? $"/bin/{tool}" : $"/usr/bin/{tool}");
        Assert.Contains("stored", Run(script.Upload(), executable.Bytes, ("PATH", tools)).Output, StringComparison.Ordinal);
        Assert.Contains("exit 0", Run(script.Verb(["inspect"]), [], ("PATH", tools)).Output, StringComparison.Ordinal);

        byte[] damaged = [.. executable.Bytes];
        damaged[1000] ^= 1;
        Assert.Contains("failed checksum", Run(script.Upload(), damaged, ("PATH", tools)).Output, StringComparison.Ordinal);
    }

    /// <summary>Whoever can write to the folder could exchange the executable between the check and the start.</summary>
    [Fact]
    public void Verb_ExecutableInAFolderOfOthers_IsNotRun()
    {
        Run(script.Upload(), executable.Bytes);
        string folder = Path.GetDirectoryName(Installed)!;
        foreach (string shared in (string[])[folder, Path.GetDirectoryName(folder)!])
        {
            UnixFileMode mode = File.GetUnixFileMode(shared);
            File.SetUnixFileMode(shared, mode | UnixFileMode.GroupWrite);
            Assert.Contains("absent", Run(script.Verb(["inspect"])).Output, StringComparison.Ordinal);
            File.SetUnixFileMode(shared, mode);
            Assert.Contains("exit 0", Run(script.Verb(["inspect"])).Output, StringComparison.Ordinal);
        }
        File.SetUnixFileMode(Path.GetDirectoryName(folder)!, UnixFileMode.StickyBit | (UnixFileMode)0b111_111_111);
        Assert.Contains("exit 0", Run(script.Verb(["inspect"])).Output, StringComparison.Ordinal);
        File.SetUnixFileMode(Path.GetDirectoryName(folder)!, (UnixFileMode)0b111_111_111);
        Assert.Contains("failed owner", Run(script.Upload(), executable.Bytes).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Upload_FollowsNoLinkThatWasPlanted()
    {
        Run(script.Upload(), executable.Bytes);
        string victim = home.File("victim");
        File.WriteAllText(victim, "mine");
        File.CreateSymbolicLink(Path.Combine(Path.GetDirectoryName(Installed)!, $".upload.{Nonce}"), victim);
        Assert.Contains("failed write", Run(script.Upload(), executable.Bytes).Output, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(victim));
    }

    [Fact]
    public void Cache_FolderWithBlanks_Works()
    {
        string cache = home.File("my cache; rm -rf x");
        Assert.Contains("stored", Run(script.Upload(), executable.Bytes, ("XDG_CACHE_HOME", cache)).Output, StringComparison.Ordinal);
        Assert.Contains("exit 0", Run(script.Verb(["inspect"]), [], ("XDG_CACHE_HOME", cache)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Checksum_IsThatOfCksum()
    {
        string[] words = ShellRun.Run("/bin/sh", "cksum", executable.Bytes).Output.Split(' ');
        Assert.Equal(words[0], executable.Cksum.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Executable_ThatIsNone_IsRefused()
    {
        string path = home.File("text");
        File.WriteAllText(path, "#!/bin/sh\n");
        foreach (string unusable in new[] { path, home.File("missing") })
        {
            var e = Assert.Throws<RemoteException>(() => LocalExecutable.For(new SshTarget("n2") { Executable = unusable }));
            Assert.Equal(RemoteFailure.ExecutableMissing, e.Reason);
            Assert.Contains(unusable, e.Message, StringComparison.Ordinal);
        }
    }

    private (string Output, string Errors, int ExitCode) Run(string line, byte[]? input = null, params (string, string)[] environment) =>
        ShellRun.Run(
            "/bin/sh", FarScript.CommandLine, [.. Encoding.ASCII.GetBytes(line + "\n"), .. input ?? []],
            [("HOME", home.Path), ("XDG_CACHE_HOME", ""), .. environment]);
}
