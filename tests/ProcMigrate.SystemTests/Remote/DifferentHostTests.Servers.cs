using System.Globalization;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>Servers that go to a machine with an older kernel and come back; and what was saved under each of the two kernels, on the other.</summary>
public sealed partial class DifferentHostTests
{
    private const string Database = "/var/lib/database-under-test";

    /// <param name="Program">Without it there is nothing to test.</param>
    /// <param name="Prepare">Done before the start, on n1.</param>
    /// <param name="Fill">Done when it runs.</param>
    /// <param name="Question">Asked on each host by bash alone, and what the answer holds.</param>
    /// <param name="Last">Asked at the end, on n1.</param>
    private sealed record Server(
        string Program, string Prepare, string Command, string Fill, string Question, string Answer, string Last, string LastAnswer, string Include, string Options);

    [Theory]
    [InlineData("redis")]
    [InlineData("nginx")]
    [InlineData("postgres")]
    public void Server_ToAnOlderKernel_AndBack_GoesOnAnswering(string name)
    {
        Server server = Of(name);
        Assert.SkipUnless(File.Exists(server.Program), $"{server.Program} is not installed");
        On("n1", server.Prepare);
        string pid = StartOnN1(server.Command, ready: false);
        AwaitAnswer("n1", server);
        On("n1", server.Fill);
        Go(pid, "n1", "vm", server);
        // System V memory outlives its program: on the host that this one has left for good it is taken away by hand.
        On("n1", "for id in $(ipcs -m | awk '$3 == \"postgres\" { print $2 }'); do ipcrm -m $id; done");
        AwaitAnswer("vm", server);
        Go(pid, "vm", "n1", server);
        AwaitAnswer("n1", server);
        Assert.Contains(server.LastAnswer, On("n1", server.Last), StringComparison.Ordinal);
        On("n1", $"kill {pid}");
        Wait.Until(() => hosts.Try("n1", $"test -e /proc/{pid}").ExitCode != 0, () => $"{name} does not end when it is told to");
    }

    public static TheoryData<string> SocketImages { get; } =
        [.. Directory.GetFiles(Path.Combine(Places.Root, "tests/images/sockets/linux-6.18"), "*.image").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    /// <summary>The other way round: <see cref="Sockets.KernelImageTests"/>.</summary>
    [Theory]
    [MemberData(nameof(SocketImages))]
    public void SocketsSavedUnderANewerKernel_RestoredUnderAnOlderOne_Pass(string name)
    {
        string folder = $"/tmp/procmigrate-sockets/{name}";
        On("n1", $"ssh vm 'cat >{image}' <{Places.Root}/tests/images/sockets/linux-6.18/{name}.image");
        On("vm", $"rm -rf {folder}; mkdir -p {folder}");
        string answer = On("vm", $"procmigrate restore {image} --force --pid-namespace --json </dev/null");
        string pid = PidOf().Match(answer).Groups[1].Value;
        On("vm", $"echo {pid} >>{work}/pids; kill -USR1 {pid}");
        Wait.Until(() => hosts.Try("vm", $"grep -q -e PASS -e FAIL {folder}/out").ExitCode == 0 || hosts.Try("vm", $"test -e /proc/{pid}").ExitCode != 0, () => "no verdict");
        Assert.Equal("PASS\n", On("vm", $"cat {folder}/out"));
    }

    [System.Text.RegularExpressions.GeneratedRegex("\"pid\":([0-9]+)")]
    private static partial System.Text.RegularExpressions.Regex PidOf();

    private void Go(string pid, string from, string to, Server server)
    {
        On(from, $"procmigrate save {pid} --bundle {server.Include} -o {image}");
        On(from, $"procmigrate send {image} {to} --to {there} && procmigrate restore {there} --host {to} {server.Options}");
        On(from, $"rm {image}");
        On(to, $"rm {there}");
    }

    private void AwaitAnswer(string host, Server server)
    {
        string answer = "";
        Wait.Until(() => (answer = hosts.Try(host, $"bash -c '{server.Question}'").Output).Contains(server.Answer, StringComparison.Ordinal), () => $"on {host}: '{answer}'");
    }

    private Server Of(string name) => name switch
    {
        "redis" => new Server(
            "/usr/bin/redis-server", "true", "/usr/bin/redis-server --port 7001 --save \"\" --appendonly no", "redis-cli -p 7001 set key value-of-redis",
            """exec 3<>/dev/tcp/127.0.0.1/7001; printf "PING\r\n" >&3; timeout 20 head -n 1 <&3""", "PONG", "redis-cli -p 7001 get key", "value-of-redis", "", "--force"),
        "nginx" => new Server(
            "/usr/sbin/nginx", NginxFiles(), $"/usr/sbin/nginx -p {work} -c {work}/conf", "true",
            """exec 3<>/dev/tcp/127.0.0.1/7002; printf "GET / HTTP/1.0\r\n\r\n" >&3; timeout 20 cat <&3""", "hello of nginx", "curl -s http://[::1]:7002/", "hello of nginx",
            $"--include {work}", "--force --same-names"),
        _ => new Server(
            Postgres(), $"install -d -o postgres {Database} && {AsPostgres} {Path.GetDirectoryName(Postgres())}/initdb -D {Database}/data -A trust --no-sync",
            $"{AsPostgres} {Postgres()} -D {Database}/data -p 7003 -k /tmp -c listen_addresses=127.0.0.1 -c shared_buffers=8MB",
            Sql("create table t as select n from generate_series(1, 1000) n"),
            // A request for TLS, which it answers with a no; a process of its own does that.
            """exec 3<>/dev/tcp/127.0.0.1/7003; printf "\0\0\0\10\4\322\26\57" >&3; timeout 20 head -c 1 <&3""", "N",
            Sql("insert into t values (0); select count(*), sum(n) from t"), "1001|500500", $"--include {Database}", "--force --same-names"),
    };

    private const string AsPostgres = "/usr/bin/setpriv --reuid postgres --regid postgres --clear-groups";

    private static string Sql(string text) => string.Create(CultureInfo.InvariantCulture, $"psql -h 127.0.0.1 -p 7003 -U postgres -tAc '{text}'");

    private static string Postgres() =>
        Directory.Exists("/usr/lib/postgresql") ? Directory.GetFiles("/usr/lib/postgresql", "postgres", SearchOption.AllDirectories).FirstOrDefault() ?? "postgres" : "postgres";

    private string NginxFiles()
    {
        string paths = string.Concat(((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(t => $"{t}_temp_path {work}/{t}; "));
        return $"mkdir -p {work}/html && echo hello of nginx >{work}/html/index.html && cat >{work}/conf <<EOF\n"
            + $"daemon off; worker_processes 2; pid {work}/pid; error_log {work}/err; user root;\nevents {{ worker_connections 64; }}\n"
            + $"http {{ access_log off; {paths} server {{ listen 127.0.0.1:7002; listen [::1]:7002; root {work}/html; }} }}\nEOF\n";
    }
}
