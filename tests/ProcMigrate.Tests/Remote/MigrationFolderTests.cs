using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Tests.Image;
using Xunit;

namespace ProcMigrate.Tests.Remote;

/// <summary>What stands in the folder of migrations is read as a stranger's: by it processes are ended.</summary>
[Collection(StateFolderCollection.Name)]
public sealed class MigrationFolderTests : IDisposable
{
    private const string StateVariable = "XDG_STATE_HOME";
    private static readonly Guid Id = Guid.NewGuid();

    private readonly TemporaryFolder folder = new();
    private readonly string? oldState = Environment.GetEnvironmentVariable(StateVariable);

    public MigrationFolderTests() => Environment.SetEnvironmentVariable(StateVariable, folder.Path);

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(StateVariable, oldState);
        folder.Dispose();
    }

    [Fact]
    public void Created_IsWhole_ForItsOwnerAlone_AndLocked()
    {
        string path = MigrationFolder.Source(Id);
        using (FileStream file = MigrationFolder.Create(path, ["host n2", "port 22"])!)
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            Assert.Null(MigrationFolder.TryLock(path, create: false));
            Assert.Equal(["host n2", "port 22"], MigrationFolder.Read(file));
        }
        Assert.Equal("host n2\nport 22\n", File.ReadAllText(path));
        Assert.Null(MigrationFolder.Create(path, ["host n3"]));
        Assert.Equal([path], Directory.GetFiles(MigrationFolder.Path()));
        using FileStream? again = MigrationFolder.TryLock(path, create: false);
        Assert.Equal("n2", MigrationJournal.TargetIn(MigrationFolder.Read(again!), path).Host);
    }

    public static TheoryData<string> Torn => ["", "hos", "host", "host ", "port 22\n", "host n2\nport x\n", "host n2\nport 99999999999\n", "\0\0\0\0"];

    [Theory, MemberData(nameof(Torn))]
    public void TornJournal_SaysWhatItIs(string content)
    {
        string path = MigrationFolder.Source(Id);
        File.WriteAllText(path, content);
        using FileStream file = MigrationFolder.TryLock(path, create: false)!;
        var error = Assert.Throws<RemoteException>(() => MigrationJournal.TargetIn(MigrationFolder.Read(file), path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNotOurs_IsAsGoodAsNone()
    {
        string path = MigrationFolder.Held(Id), other = folder.File("other");
        File.WriteAllText(other, "precious");
        File.CreateSymbolicLink(path, other);
        Assert.Null(MigrationFolder.TryLock(path, create: true));
        Assert.Equal("precious", File.ReadAllText(other));
        File.Delete(path);
        File.WriteAllText(path, $"process x {Environment.ProcessId} 0 runs\n");
        File.SetUnixFileMode(path, (UnixFileMode)0x1b6); // 0666
        Assert.Null(MigrationFolder.TryLock(path, create: false));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("/etc/passwd")]
    public void OutcomeThatIsNone_SettlesNothing(string target)
    {
        File.CreateSymbolicLink($"{MigrationFolder.Path()}/{Id}.outcome", target);
        Assert.Null(MigrationFolder.OutcomeOf(Id));
        Assert.Throws<IOException>(() => MigrationFolder.Settle(Id, MigrationFolder.Runs));
    }

    [Theory]
    [InlineData("process")]
    [InlineData("process a b c d")]
    [InlineData("process  1 1 runs x")]
    [InlineData("process -1")]
    public void LinesThatNobodyWrote_NameNoProcess(string line) => Assert.Empty(MigrationFolder.LivingIn([line]));
}
