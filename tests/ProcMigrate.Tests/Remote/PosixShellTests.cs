using System.Text;
using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;
using Xunit;

namespace ProcMigrate.Tests.Remote;

public class PosixShellTests
{
    private const string PrintParameters = "for a in \"$@\"; do printf '%s\\0' \"$a\"; done";

    private static readonly string[] Shells = ["/bin/sh", "/bin/dash", "/bin/bash", "/bin/zsh", "/bin/ksh", "/bin/tcsh", "/bin/csh", "/usr/bin/fish"];

    /// <summary>Login shells that sshd may hand our command line to; those of them that are installed here.</summary>
    public static TheoryData<string> LoginShells => [.. Shells.Where(File.Exists)];

    [Theory]
    [MemberData(nameof(LoginShells))]
    public void Parameters_OfEverySort_ArriveUnchanged(string shell)
    {
        string[] words =
        [
            "", " ", "-n", "--", "a b", "it's", "\"quoted\"", "$HOME", "`id`", "$(id)", "back\\slash", "\\", "%s", "100%", "%%", "!!", "~", "*",
            "new\nline", "ends with newline\n", "\n\n", "\t", "\r", "ä€😀", "\u0081\u0088", ";&|<>(){}[]#?", "_", "'", "''", "\u0001\u007f",
        ];
        Assert.Equal(words, RoundTrip(shell, words));
    }

    [Fact]
    public void Parameters_Any_ArriveUnchanged() => Prop
        .ForAll(
            ArbMap.Default.ArbFor<NonNull<string>[]>(),
            words => RoundTrip("/bin/sh", [.. words.Select(word => Speakable(word.Get))]).SequenceEqual(words.Select(word => Speakable(word.Get))))
        .QuickCheckThrowOnFailure();

    [Fact]
    public void Parameters_WithZeroByte_AreRefused() =>
        Assert.Throws<ArgumentException>(() => PosixShell.SetParameters(["a\0b"]));

    [Fact]
    public void Parameters_AreOneAsciiLine() =>
        Assert.All(PosixShell.SetParameters(["ä\nb\u0081"]), c => Assert.InRange(c, ' ', '~'));

    private static string[] RoundTrip(string shell, string[] words)
    {
        string line = PosixShell.SetParameters(words) + PrintParameters + "\n";
        var (output, errors, exitCode) = ShellRun.Run(shell, FarScript.CommandLine, Encoding.ASCII.GetBytes(line));
        Assert.Equal((0, ""), (exitCode, errors));
        return output.Split('\0')[..^1];
    }

    /// <summary>No zero bytes, no lone surrogates: neither can be an argument of a program.</summary>
    private static string Speakable(string text) =>
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Replace("\0", "", StringComparison.Ordinal)));
}
