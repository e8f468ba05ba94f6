using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>HTTP servers on runtimes with threads, a compiler and a garbage collector of their own: each counts its requests in memory.</summary>
public sealed class RuntimeTests : ProgramTest
{
    private const string JavaServer = """
        import com.sun.net.httpserver.HttpServer;
        import java.net.InetSocketAddress;
        import java.util.concurrent.Executors;
        import java.util.concurrent.atomic.AtomicLong;

        public class Server {
            public static void main(String[] args) throws Exception {
                HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);
                AtomicLong count = new AtomicLong();
                server.createContext("/", exchange -> {
                    byte[] answer = ("request " + count.incrementAndGet()).getBytes();
                    exchange.sendResponseHeaders(200, answer.length);
                    exchange.getResponseBody().write(answer);
                    exchange.close();
                });
                server.setExecutor(Executors.newFixedThreadPool(4));
                server.start();
            }
        }
        """;

    private const string AspNetServer = """
        using System.Threading;
        using Microsoft.AspNetCore.Builder;

        WebApplication app = WebApplication.CreateBuilder(args).Build();
        long count = 0;
        app.MapGet("/page", () => $"request {Interlocked.Increment(ref count)}");
        app.Run();
        """;

    [Fact]
    public void Node_CountsOn()
    {
        const string node = "/usr/bin/node";
        Need(node);
        int port = Service.FreePort();
        File.WriteAllText(Folder["server.js"],
            $"let n = 0; require('http').createServer((q, r) => r.end('request ' + ++n)).listen({port}, '127.0.0.1');");
        using ProgramUnderTest server = Run("/usr/bin/env", "UV_USE_IO_URING=0", node, "server.js");
        CountsOn(server, port);
        EndByTerm(server, Native.SIGTERM);
    }

    [Fact]
    public void Java_CountsOn()
    {
        const string java = "/usr/bin/java";
        OnlyNightly();
        Need(java);
        int port = Service.FreePort();
        File.WriteAllText(Folder["Server.java"], JavaServer);
        using ProgramUnderTest server = Run(java, "Server.java", $"{port}");
        CountsOn(server, port);
        // A Java machine ends by SIGTERM with 128 + 15, as an exit code.
        EndByTerm(server, 143 << 8);
    }

    [Fact]
    public void AspNet_CountsOn()
    {
        OnlyNightly();
        string dotnet = Environment.ProcessPath is { } path && Path.GetFileName(path) == "dotnet" ? path : "dotnet";
        Assert.SkipUnless(Tool.Run(dotnet, "--list-runtimes").Output.Contains("Microsoft.AspNetCore.App", StringComparison.Ordinal),
            "the ASP.NET runtime is not installed");
        File.WriteAllText(Folder["server.csproj"], $"""
            <Project Sdk="Microsoft.NET.Sdk.Web"><PropertyGroup><TargetFramework>net{Environment.Version.Major}.0</TargetFramework></PropertyGroup></Project>
            """);
        File.WriteAllText(Folder["server.cs"], AspNetServer);
        // No build servers: they would outlive the test.
        Tool.Result build = Tool.Run(dotnet, "build", Folder["server.csproj"], "-o", Folder["bin"], "-nodeReuse:false", "-p:UseSharedCompilation=false");
        Assert.True(build.ExitCode == 0, build.Output);
        int port = Service.FreePort();
        using ProgramUnderTest server = Run("/usr/bin/env", dotnet, Folder["bin/server.dll"], "--urls", $"http://127.0.0.1:{port}");
        CountsOn(server, port);
        EndByTerm(server);
        Assert.Contains("Application is shutting down", server.Log, StringComparison.Ordinal);
    }

    private void CountsOn(ProgramUnderTest server, int port)
    {
        Service.AwaitPort(server, port);
        for (int count = 1; count <= 100; count++)
            AssertAnswer($"request {count}", port);
        Service.AwaitIdle(port);
        server.SaveAndRestoreChanging(Image);
        for (int count = 101; count <= 300; count++)
            AssertAnswer($"request {count}", port);
        // What the first restore made is saved again, with the memory that the program has made itself since.
        Service.AwaitIdle(port);
        server.SaveAndRestoreChanging(Folder["second.pmi"]);
        for (int count = 301; count <= 400; count++)
            AssertAnswer($"request {count}", port);
    }

    private static void AssertAnswer(string expected, int port) =>
        Assert.Contains("\r\n" + expected, Service.Page(port), StringComparison.Ordinal);
}
