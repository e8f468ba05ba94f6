using System.Diagnostics;
using ProcMigrate.Remote;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>Transfers that end in the middle: whoever breaks them off, the near side says so, and the far side shows nothing but what the next try goes on from.</summary>
public sealed class BrokenTransferTests(TestHosts hosts) : RemoteTest(hosts)
{
    private const int Megabytes = 48;
    private static readonly int Cuts = Places.Long ? 100 : 12;

    [Fact]
    public void ConnectionCut_AtRandomBytes()
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        for (int i = 0; i < Cuts; i++)
        {
            var e = Refused(() => SendAndAt(Random.Shared.Next(Megabytes - 8), folder, () => Hosts.KillSessions("n2")));
            Assert.True(e.Reason == RemoteFailure.ConnectionCut, $"{e.Reason}: {e.Message}");
            Assert.Equal("n2", e.Host);
            AssertNothingShows(folder);
        }
        // And whole, the next time.
        Assert.False(Send(Image, N2, folder).AlreadyThere);
        Assert.Equal(Path.GetFileName(Image) + "\n", Hosts.Do("n2", $"ls -A {folder}"));
    }

    [Fact]
    public void FarSideKilled()
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        const string killReceiver = "for p in /proc/[0-9]*; do case $(readlink $p/exe) in */procmigrate) kill -9 ${p#/proc/};; esac; done";
        var e = Refused(() => SendAndAt(5, folder, () => Hosts.Do("n2", killReceiver)));
        Assert.Equal(RemoteFailure.ConnectionCut, e.Reason);
        AssertNothingLeft(folder);
    }

    /// <summary>Neither side hears that the other is gone; both notice the silence.</summary>
    [Fact]
    public void CablePulled()
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        var target = N2 with { Options = ["ServerAliveInterval=1", "ServerAliveCountMax=2"] };
        try
        {
            bool pulled = false;
            var e = Refused(() => RemoteImages.SendWithin(3, Image, target, folder, progress =>
            {
                if (progress.Phase == "send" && !pulled && (pulled = true))
                    Hosts.Link("n2", up: false);
            }, default));
            Assert.True(e.Reason == RemoteFailure.ConnectionCut, $"{e.Reason}: {e.Message}");
            AssertNothingShows(folder);
        }
        finally
        {
            Hosts.Link("n2", up: true);
        }
    }

    [Fact]
    public void Cancelled()
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        using var cancel = new CancellationTokenSource();
        int before = SshClients();
        Assert.ThrowsAny<OperationCanceledException>(() => RemoteImages.Send(Image, N2, folder, progress =>
        {
            if (progress is { Phase: "send", Done: > 5 << 20 })
                cancel.Cancel();
        }, cancel.Token));
        AssertNothingShows(folder);
        Assert.Equal(before, SshClients());
    }

    /// <summary>SIGINT is what Ctrl-C sends; SIGKILL leaves nobody to tidy up.</summary>
    [Theory]
    [InlineData(2, 130)]
    [InlineData(15, 143)]
    [InlineData(9, 137)]
    public void SenderEndedByASignal(int signal, int expectedCode)
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        int before = SshClients();
        using var running = Binary.Start([], "send", Image, "n2", "--to", folder, "--json");
        Wait.Until(() => running.OutputSoFar.Contains("\"send\"", StringComparison.Ordinal) || running.HasEnded, () => running.OutputSoFar);
        running.Signal(signal);
        Assert.Equal(expectedCode, running.Finish().ExitCode);
        AssertNothingShows(folder);
        Wait.Until(() => SshClients() == before, () => "an ssh client stays");
    }

    [Fact]
    public void UploadOfTheExecutableCut()
    {
        Hosts.Do("n2", "rm -rf /root/.cache/procmigrate");
        SentImage.Write(Image, 1);
        bool cut = false;
        var e = Refused(() => Send(Image, N2, FolderThere(), progress =>
        {
            if (progress is { Phase: "deploy", Done: > 1 << 20 } && !cut && (cut = true))
                Hosts.KillSessions("n2");
        }));
        Assert.True(e.Reason == RemoteFailure.ConnectionCut, $"{e.Reason}: {e.Message}");
        Wait.Until(() => Hosts.Do("n2", "find /root/.cache/procmigrate -type f") == "", () => "half an executable stays");
    }

    /// <summary>Those that run; one whose parent was killed stays a zombie until its new parent cares.</summary>
    private static int SshClients()
    {
        int running = 0;
        foreach (var process in Process.GetProcessesByName("ssh"))
        {
            using (process)
            {
                if (Proc.ReadText($"/proc/{process.Id}/stat") is { } stat && !stat.Contains(") Z ", StringComparison.Ordinal))
                    running++;
            }
        }
        return running;
    }

    private void SendAndAt(int megabytes, string folder, Action breakOff)
    {
        bool done = false;
        Send(Image, N2, folder, progress =>
        {
            if (progress.Phase != "send" || progress.Done < (long)megabytes << 20 || done)
                return;
            done = true;
            breakOff();
        });
    }
}
