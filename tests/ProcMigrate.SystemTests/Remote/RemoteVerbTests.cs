using ProcMigrate.Remote;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>Verbs on another host: their results, their refusals, their end.</summary>
public sealed class RemoteVerbTests(TestHosts hosts) : RemoteTest(hosts)
{
    [Fact]
    public void Run_AVerb_GivesItsResultAndItsLines()
    {
        SentImage.Write(Image, 1);
        var sent = Send(Image, N2, FolderThere());
        var lines = new List<string>();
        var outcome = Ask(N2, ["inspect", sent.Path], lines.Add);
        Assert.Equal((0, "n2", "result"), (outcome.ExitCode, outcome.Host, outcome.Final.GetProperty("event").GetString()));
        Assert.Equal(outcome.FinalLine, lines[^1]);
    }

    [Fact]
    public void Run_AVerbThatFails_GivesItsErrorAndExitCode()
    {
        var outcome = Ask(N2, ["inspect", "/root/no such file"]);
        Assert.False(outcome.Succeeded);
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Equal("error", outcome.Final.GetProperty("event").GetString());
        Assert.Contains("/root/no such file", outcome.Final.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_AVerbThatIsNone_GivesTheWordsOfTheFarSide()
    {
        // Arguments that no verb takes end without a result line, or with an error: never with silence.
        try
        {
            Assert.False(Ask(N2, ["no-such-verb"]).Succeeded);
        }
        catch (RemoteException e)
        {
            Assert.Equal(RemoteFailure.FarSideFailed, e.Reason);
            Assert.Contains("no-such-verb", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Lifeline_CallerGone_CancelsTheVerbThere()
    {
        // /bin/cat plays a verb: it ends when its standard input does, as a verb with a lifeline.
        using var cancel = new CancellationTokenSource();
        string cat = File.ResolveLinkTarget("/bin/cat", returnFinalTarget: true)?.FullName ?? "/bin/cat";
        var target = N2 with { Executable = cat };
        var run = Task.Run(() => RemoteImages.Run(target, ["--", "-"], null, cancel.Token), TestContext.Current.CancellationToken);
        string running() => Hosts.Do("n2", "ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c '/procmigrate$' || true");
        Harness.Wait.Until(() => running() == "1\n" || run.IsCompleted, () => "the verb does not start");
        cancel.Cancel();
        Assert.IsAssignableFrom<OperationCanceledException>(Assert.Throws<AggregateException>(run.Wait).InnerException);
        Assert.Equal("0\n", running());
    }
}
