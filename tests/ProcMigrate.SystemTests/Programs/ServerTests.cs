using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>Servers that people run: saved, gone, restored with the same pids, and their data is there for new clients.</summary>
public sealed class ServerTests : ProgramTest
{
    [Fact]
    public void Redis_OverTcpAndUnixSocket_KeepsItsData()
    {
        const string redis = "/usr/bin/redis-server";
        Need(redis);
        int port = Service.FreePort();
        string path = Folder["redis.socket"];
        using ProgramUnderTest server = Run(redis, "--port", $"{port}", "--unixsocket", path, "--save", "", "--dir", Folder.Path);
        Service.AwaitPort(server, port);
        for (int i = 0; i < 200; i++)
            Assert.Equal("+OK\r\n", Service.Ask(Service.Tcp(port), $"SET key{i} value{i * i}\r\n", "\r\n"));
        Service.AwaitIdle(port);
        SaveAndRestoreTree(server);
        for (int i = 0; i < 200; i++)
        {
            string value = $"value{i * i}";
            Assert.Equal($"${value.Length}\r\n{value}\r\n", Service.Ask(Service.Unix(path), $"GET key{i}\r\n", value + "\r\n"));
        }
        Assert.Equal("+OK\r\n:201\r\n", Service.Ask(Service.Tcp(port), "SET counter 200\r\nINCR counter\r\n", ":201\r\n"));
        // A fork of the restored process, that writes the data down.
        Assert.Equal("+OK\r\n", Service.Ask(Service.Tcp(port), "SAVE\r\n", "\r\n"));
        Assert.True(File.Exists(Folder["dump.rdb"]), server.Log);
        EndByTerm(server);
        Assert.Contains("ready to exit, bye bye", server.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void Memcached_KeepsItsData()
    {
        const string memcached = "/usr/bin/memcached";
        Need(memcached);
        int port = Service.FreePort();
        using ProgramUnderTest server = Run(memcached, "-u", "root", "-l", "127.0.0.1", "-p", $"{port}", "-U", "0");
        Service.AwaitPort(server, port);
        for (int i = 0; i < 200; i++)
            Assert.Equal("STORED\r\n", Service.Ask(Service.Tcp(port), $"set colour{i} 7 0 3\r\n{i + 100}\r\n", "\r\n"));
        Service.AwaitIdle(port);
        SaveAndRestoreTree(server);
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal($"VALUE colour{i} 7 3\r\n{i + 100}\r\nEND\r\n",
                Service.Ask(Service.Tcp(port), $"get colour{i}\r\n", "END\r\n"));
        }
        EndByTerm(server);
    }

    [Fact]
    public void Nginx_WithTwoWorkers_Serves()
    {
        const string nginx = "/usr/sbin/nginx";
        Need(nginx);
        int port = Service.FreePort();
        File.WriteAllText(Folder["page"], "the page");
        File.WriteAllText(Folder["nginx.conf"], $$"""
            daemon off; worker_processes 2; pid {{Folder["pid"]}}; error_log {{Folder["error.log"]}} notice; user root;
            events { worker_connections 64; }
            http { access_log {{Folder["access.log"]}}; server { listen 127.0.0.1:{{port}}; root {{Folder.Path}}; } }
            """);
        using ProgramUnderTest server = Run(nginx, "-p", Folder.Path, "-c", Folder["nginx.conf"]);
        Service.AwaitPort(server, port);
        AwaitChildren(server, 2);
        Ask(20);
        Service.AwaitIdle(port);
        SaveAndRestoreTree(server);
        Ask(20);
        // The master still commands its workers: those that open the log anew write the last lines into the new one.
        File.Move(Folder["access.log"], Folder["old.log"]);
        server.Signal(Native.SIGUSR1);
        Wait.Until(() => File.Exists(Folder["access.log"]), () => "no new log");
        Wait.Until(() => Log().Split("reopening logs").Length > 3, Log);
        Ask(20);
        EndByTerm(server);
        Assert.Equal(40, Requests("old.log"));
        Assert.Equal(20, Requests("access.log"));
        Assert.DoesNotContain("exited on signal", Log(), StringComparison.Ordinal);

        void Ask(int times)
        {
            for (int i = 0; i < times; i++)
                Assert.EndsWith("\r\nthe page", Service.Page(port), StringComparison.Ordinal);
        }

        string Log() => File.ReadAllText(Folder["error.log"]);

        int Requests(string log) =>
            File.ReadLines(Folder[log]).Count(line => line.Contains("\"GET /page HTTP/1.1\" 200", StringComparison.Ordinal));
    }
}
