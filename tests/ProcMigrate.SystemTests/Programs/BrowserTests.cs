using System.Net;
using System.Net.Sockets;
using System.Text;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>
/// A browser: some ten processes and a hundred threads, with shared memory, sockets whose descriptors travel, and a compiler. Its page asks
/// a server here for the numbers from 1 on, one after the other.
/// </summary>
public sealed class BrowserTests : ProgramTest
{
    private const string Chromium = "/usr/lib/chromium/chromium";

    private const string Page = """
        <html><body><script>
          let n = 0;
          async function next() {
            try { if ((await (await fetch('/' + (n + 1))).text()) == 'yes') n++; } catch (e) { }
            setTimeout(next, 50);
          }
          next();
        </script></body></html>
        """;

    [Fact]
    public void Chromium_CountsOn()
    {
        OnlyNightly();
        Need(Chromium);
        using var server = new CountingServer();
        using ProgramUnderTest browser = Run(
            Chromium, "--headless", "--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-crash-reporter", "--disable-breakpad", "--remote-debugging-port=0",
            $"--user-data-dir={Folder["profile"]}", $"http://127.0.0.1:{server.Port}/");
        var handlers = new HashSet<int>();
        server.AwaitMore(20);
        for (int round = 0; round < 2; round++)
        {
            // Those that write reports of crashes have left the tree for sessions of their own, and hold one end of a socket each.
            int[] others = [.. Reaper.Strays().Concat(handlers).Where(IsCrashHandler).Distinct()];
            handlers.UnionWith(others);
            foreach (int pid in others)
                Reaper.Watch(pid);
            Reaper.WatchDescendants(browser.Pid);
            string image = Folder[$"{round}.pmi"];
            Answer saved = Binary.Run(["save", $"{browser.Pid}", .. others.Select(pid => $"{pid}"), "-o", image, "--json"]);
            Assert.True(saved.ExitCode == 0, saved.ToString());
            browser.AssertGone();
            Binary.Restore(image);
            server.AwaitMore(20);
        }
        server.AssertNoneLeftOut();
    }

    private static bool IsCrashHandler(int pid) => Proc.ReadText($"/proc/{pid}/comm")?.Trim() == "chrome_crashpad";

    /// <summary>Serves the page, and says yes to the numbers in their order. Every request has a connection of its own, so that none is open for long.</summary>
    private sealed class CountingServer : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly List<int> numbers = [];

        internal CountingServer()
        {
            listener.Start();
            new Thread(Serve) { IsBackground = true }.Start();
        }

        internal int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        internal void AwaitMore(int count)
        {
            int before = Last();
            Wait.Until(() => Last() >= before + count, () => $"the page stands at {Last()}");
        }

        /// <summary>An answer may be lost with its connection, and is asked for again; a number can then come twice, but none be left out.</summary>
        internal void AssertNoneLeftOut()
        {
            lock (numbers)
                Assert.Equal(Enumerable.Range(1, numbers[^1]), numbers.Distinct());
        }

        public void Dispose() => listener.Stop();

        private int Last()
        {
            lock (numbers)
                return numbers.Count == 0 ? 0 : numbers[^1];
        }

        private void Serve()
        {
            byte[] buffer = new byte[8192];
            while (true)
            {
                try
                {
                    using Socket client = listener.AcceptSocket();
                    string path = Encoding.ASCII.GetString(buffer, 0, client.Receive(buffer)).Split(' ').ElementAtOrDefault(1) ?? "";
                    bool counts = int.TryParse(path.TrimStart('/'), out int number);
                    if (counts)
                    {
                        lock (numbers)
                            numbers.Add(number);
                    }
                    string body = counts ? "yes" : Page;
                    client.Send(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}"));
                }
                catch (SocketException) when (listener.Server.IsBound)
                {
                    // A connection that a save has cut; the page asks again.
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
                {
                    return;
                }
            }
        }
    }
}
