using ProcMigrate.SystemTests.Harness;
using ProcMigrate.SystemTests.Programs;

namespace ProcMigrate.SystemTests.Files;

/// <summary>Servers that people run, upgraded while they run: programs and libraries alike; then saved, restored and asked.</summary>
public sealed class UpgradedServerTests : ProgramTest
{
    private const string PostgresBinaries = "/usr/lib/postgresql/15/bin";
    private readonly int _port = Service.FreePort();

    public static TheoryData<string> Servers { get; } = ["redis", "nginx", "memcached", "postgres", "node"];

    /// <summary>What dpkg does: each file is unpacked beside the old one and renamed over it.</summary>
    [Theory]
    [MemberData(nameof(Servers))]
    public void Server_WhoseFilesWereAllReplaced_GoesOn(string name)
    {
        if (name == "postgres")
            OnlyNightly();
        using PrivateSystem system = PrivateSystem.Over(Folder, "/usr");
        using ProgramUnderTest server = Start(name, system);
        string[] files = MappedFiles(server.Pid);
        Assert.Contains(files, file => file.Contains(".so", StringComparison.Ordinal));
        system.Do(["sh", "-c", "for f; do cp -p \"$f\" \"$f.dpkg-new\" && mv \"$f.dpkg-new\" \"$f\" || exit 1; done", "sh", .. files]);
        AssertUpgradedAndGoesOn(name, server, system);
    }

    /// <summary>The real thing: the server's package and that of its C library.</summary>
    [Theory]
    [MemberData(nameof(Servers))]
    public void Server_WhosePackagesWereInstalledAgain_GoesOn(string name)
    {
        OnlyNightly();
        using PrivateSystem system = PrivateSystem.Over(Folder, "/usr", "/etc", "/var");
        using ProgramUnderTest server = Start(name, system);
        string program = Proc.ReadLink($"/proc/{server.Pid}/exe")!;
        string package = Tool.Run("dpkg", "-S", program).Output.Split(':')[0];
        Assert.SkipUnless(package.Length > 0, $"{program} is of no package");
        Directory.CreateDirectory(Folder["packages"]);
        string fetch = $"cd {Folder["packages"]} && apt-get -q download {package} libc6";
        Assert.SkipUnless(Tool.Run("sh", "-c", fetch).ExitCode == 0, $"the packages {package} and libc6 cannot be had");
        // No service of this machine is to be ended or started by it.
        system.Do("sh", "-c", "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d");
        system.Do("sh", "-c", $"DEBIAN_FRONTEND=noninteractive dpkg -i --force-confold {Folder["packages"]}/*.deb");
        AssertUpgradedAndGoesOn(name, server, system);
    }

    private void AssertUpgradedAndGoesOn(string name, ProgramUnderTest server, PrivateSystem system)
    {
        Assert.EndsWith(" (deleted)", Proc.ReadLink($"/proc/{server.Pid}/exe"), StringComparison.Ordinal);
        Assert.Contains(".so (deleted)", Proc.ReadText($"/proc/{server.Pid}/maps")!.Replace(".so.6 (", ".so (", StringComparison.Ordinal), StringComparison.Ordinal);
        Reaper.WatchDescendants(server.Pid);
        if (name != "postgres")
            Service.AwaitIdle(_port);
        Answer saved = Binary.RunAs(system.Inside, "save", $"{server.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        server.AssertGone();
        Answer restored = Binary.RunAs(system.Inside, "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        server.AssertRuns();
        Ask(name, system, first: false);
        server.Signal(name == "postgres" ? Native.SIGINT : Native.SIGTERM);
        Assert.Equal(name == "node" ? Native.SIGTERM : 0, server.AwaitExit());
    }

    private ProgramUnderTest Start(string name, PrivateSystem system)
    {
        string[] command = CommandOf(name);
        Need(Array.Find(command, word => word.StartsWith("/usr/", StringComparison.Ordinal) && !word.EndsWith("env", StringComparison.Ordinal) && !word.EndsWith("setpriv", StringComparison.Ordinal))!);
        if (name == "postgres")
            MakeDatabase(system);
        ProgramUnderTest server = ProgramUnderTest.StartCommand(Folder, [.. system.Inside, .. command]);
        try
        {
            if (name == "postgres")
                Wait.Until(() => !server.IsAlive || Tool.Run($"{PostgresBinaries}/pg_isready", "-h", Folder.Path).ExitCode == 0, () => server.Log);
            else
                Service.AwaitPort(server, _port);
            Ask(name, system, first: true);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    private string[] CommandOf(string name)
    {
        switch (name)
        {
            case "redis":
                return ["/usr/bin/redis-server", "--port", $"{_port}", "--save", "", "--dir", Folder.Path];
            case "memcached":
                return ["/usr/bin/memcached", "-u", "root", "-l", "127.0.0.1", "-p", $"{_port}", "-U", "0"];
            case "nginx":
                File.WriteAllText(Folder["page"], "the page");
                File.WriteAllText(Folder["nginx.conf"], $$"""
                    daemon off; worker_processes 2; pid {{Folder["pid"]}}; error_log {{Folder["error.log"]}} notice; user root;
                    events { worker_connections 64; }
                    http { access_log off; server { listen 127.0.0.1:{{_port}}; root {{Folder.Path}}; } }
                    """);
                return ["/usr/sbin/nginx", "-p", Folder.Path, "-c", Folder["nginx.conf"]];
            case "node":
                File.WriteAllText(Folder["server.js"],
                    $"let n = 0; require('http').createServer((q, r) => r.end('request ' + ++n)).listen({_port}, '127.0.0.1');");
                return ["/usr/bin/env", "UV_USE_IO_URING=0", "/usr/bin/node", Folder["server.js"]];
            default:
                return [.. AsPostgres, $"{PostgresBinaries}/postgres", "-D", Folder["data"]];
        }
    }

    private static string[] AsPostgres => ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "/usr/bin/env", "LC_ALL=C"];

    private void MakeDatabase(PrivateSystem system)
    {
        Directory.CreateDirectory(Folder["data"]);
        system.Do("/bin/chown", "postgres:postgres", Folder.Path, Folder["data"]);
        system.Do([.. AsPostgres, $"{PostgresBinaries}/initdb", "-D", Folder["data"], "-A", "trust", "-U", "tester", "--no-sync"]);
        File.AppendAllText(Folder["data/postgresql.conf"], $"\nlisten_addresses = ''\nunix_socket_directories = '{Folder.Path}'\nfsync = off\n");
    }

    /// <summary>What was told to it first is known to it later.</summary>
    private void Ask(string name, PrivateSystem system, bool first)
    {
        switch (name)
        {
            case "redis":
                Assert.Equal(first ? "+OK\r\n" : "$5\r\nvalue\r\n", Service.Ask(Service.Tcp(_port), first ? "SET key value\r\n" : "GET key\r\n", first ? "\r\n" : "value\r\n"));
                break;
            case "memcached":
                Assert.Equal(first ? "STORED\r\n" : "VALUE key 0 5\r\nvalue\r\nEND\r\n",
                    Service.Ask(Service.Tcp(_port), first ? "set key 0 0 5\r\nvalue\r\n" : "get key\r\n", first ? "STORED\r\n" : "END\r\n"));
                break;
            case "nginx":
                for (int i = 0; i < 20; i++)
                    Assert.EndsWith("\r\nthe page", Service.Page(_port), StringComparison.Ordinal);
                break;
            case "node":
                Assert.EndsWith($"request {(first ? 1 : 2)}", Service.Page(_port), StringComparison.Ordinal);
                break;
            default:
                Assert.Equal(first ? "" : "1000|500500", Sql(system, first ? "create table t as select g as n from generate_series(1, 1000) g" : "select count(*), sum(n) from t"));
                break;
        }
    }

    private string Sql(PrivateSystem system, string text)
    {
        Tool.Result result = system.Run($"{PostgresBinaries}/psql", "-h", Folder.Path, "-U", "tester", "-d", "postgres", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text);
        Assert.True(result.ExitCode == 0, $"{text}: {result.Error}");
        return result.Output.TrimEnd('\n');
    }

    private static string[] MappedFiles(int root) =>
    [
        .. Reaper.Descendants(root).Append(root).SelectMany(pid => (Proc.ReadText($"/proc/{pid}/maps") ?? "").Split('\n'))
            .Select(line => line.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash ? line[slash..] : "")
            .Where(path => path.StartsWith("/usr/", StringComparison.Ordinal)).Distinct(),
    ];
}
