using ProcMigrate.Remote;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>A test that sends from this machine to host n2.</summary>
public abstract class RemoteTest(TestHosts hosts) : SystemTest, IClassFixture<TestHosts>
{
    private protected const string DefaultFolder = "/root/.local/state/procmigrate/images";

    private protected TestHosts Hosts => hosts;

    private protected static SshTarget N2 => TestHosts.Target("n2");

    private protected static SendResult Send(string image, SshTarget target, string? to, Action<TransferProgress>? progress = null) =>
        RemoteImages.Send(image, target, to, progress, TestContext.Current.CancellationToken);

    private protected static RemoteOutcome Ask(SshTarget target, string[] arguments, Action<string>? onLine = null) =>
        RemoteImages.Run(target, arguments, onLine, TestContext.Current.CancellationToken);

    private protected static RemoteException Refused(Action send) => Assert.Throws<RemoteException>(send);

    /// <summary>A folder of the test's own on n2.</summary>
    private protected string FolderThere()
    {
        string folder = $"/root/{Guid.NewGuid():N}";
        hosts.Do("n2", $"mkdir {folder}");
        return folder;
    }

    private protected string Sha256There(string path) => hosts.Do("n2", $"sha256sum <'{path}'")[..64];

    private protected static string Sha256(string path) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)));

    /// <summary>No file in the folder, hidden ones included, and no process of ours.</summary>
    private protected void AssertNothingLeft(string folder)
    {
        AssertNothingShows(folder);
        Assert.Equal("", Hosts.Do("n2", $"ls -A '{folder}'"));
    }

    /// <summary>No process of ours, and no file but what a transfer goes on from.</summary>
    private protected void AssertNothingShows(string folder)
    {
        string running() => hosts.Do("n2", "ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c '/procmigrate$' || true");
        Harness.Wait.Until(() => running() == "0\n", () => "procmigrate still runs on n2");
        Assert.Equal("", hosts.Do("n2", $"ls -A '{folder}' | grep -v '\\.partial$' || true"));
    }
}
