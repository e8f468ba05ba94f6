using ProcMigrate.PowerShell.Completion;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class SshHostsTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Config_NamesWithoutPatterns()
    {
        Write("config", """
            # Host comment
            Host n1 n2
                HostName 10.0.0.1
            host=gate
            Host *.example.org !bad old?
            Include more/*
            """);
        Write("more/a", "Host n3");
        Assert.Equal(["gate", "n1", "n2", "n3"], SshHosts.In(folder.FullName));
    }

    [Fact]
    public void KnownHosts_NamesButNoAddressesAndNoHashes()
    {
        Write("known_hosts", """
            n1,10.0.0.1 ssh-ed25519 AAAA
            |1|abc=|def= ssh-ed25519 AAAA
            [gate]:2222 ssh-ed25519 AAAA
            @cert-authority far ssh-ed25519 AAAA
            fe80::1 ssh-ed25519 AAAA
            """);
        Assert.Equal(["far", "gate", "n1"], SshHosts.In(folder.FullName));
    }

    [Fact]
    public void AnIncludeOfItself_Ends()
    {
        Write("config", "Include config\nHost n1");
        Assert.Equal(["n1"], SshHosts.In(folder.FullName));
    }

    [Fact]
    public void NoFiles_NoNames() => Assert.Empty(SshHosts.In(Path.Combine(folder.FullName, "none")));

    private void Write(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
