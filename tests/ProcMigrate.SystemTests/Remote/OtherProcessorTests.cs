using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>
/// From a processor with fewer vector registers to one with more, and back: programs that look functions up, and load libraries, only when they
/// are there.
/// </summary>
public sealed class OtherProcessorTests : SystemTest, IClassFixture<OtherProcessorHosts>
{
    private const string PythonProgram = """
        import os, signal
        out = os.path.abspath("out")
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        open(out, "a").write("READY\n")
        while signal.sigtimedwait([signal.SIGUSR1], 0.2) is None: pass
        import math, json, ctypes, zlib, decimal, hashlib
        why = []
        if abs(math.gamma(5) - 24) > 1e-9 or abs(math.erf(0.5) - 0.5204998778) > 1e-9: why.append("math")
        if zlib.decompress(zlib.compress(b"x" * 100000)) != b"x" * 100000: why.append("zlib")
        if json.loads(json.dumps({"a": [1.5, 2.25]})) != {"a": [1.5, 2.25]}: why.append("json")
        if decimal.Decimal(2).sqrt() ** 2 - 2 > decimal.Decimal("1e-20"): why.append("decimal")
        if not hashlib.sha256(b"abc").hexdigest().startswith("ba7816bf"): why.append("hashlib")
        open(out, "a").write("FAIL: " + "; ".join(why) + "\n" if why else "PASS\n")
        """;

    private readonly OtherProcessorHosts hosts;
    private readonly string work = $"/root/{Guid.NewGuid():N}";

    public OtherProcessorTests(OtherProcessorHosts hosts)
    {
        Assert.SkipUnless(Places.Long, "a heavy one: PROCMIGRATE_LONG=1");
        this.hosts = hosts;
        hosts.On("n1", $"mkdir {work}; cat >{work}/program.py <<'END'\n{PythonProgram}\nEND\nscp -qr {work} old:/root/");
    }

    [Theory]
    [InlineData("lazy out", false)]
    [InlineData("lazy out", true)]
    [InlineData("python3 program.py", false)]
    [InlineData("python3 program.py", true)]
    public void Program_FromAProcessorWithFewerRegisters_Passes(string command, bool back)
    {
        string pid = hosts.On("old", $"launch {work}/log {work} $(command -v {command.Split(' ')[0]}) {work}/{command.Split(' ')[1]}").Trim();
        Wait.Until(() => hosts.Try("old", $"grep -q READY {work}/out").ExitCode == 0, () => "not ready: " + hosts.Try("old", $"cat {work}/log").Output);
        Save("old", pid);
        hosts.On("n1", $"scp -q old:{work}.pmi {work}.pmi && rm -rf {work} && procmigrate restore {work}.pmi --same-names");
        if (back)
        {
            Save("n1", pid);
            // The image says that it has been on this machine; that it has chosen no code for that nobody can know.
            hosts.On("n1", $"ssh old rm -rf {work} {work}.pmi && scp -q {work}.pmi old:{work}.pmi && procmigrate restore {work}.pmi --host old --same-names --force");
        }
        AssertPasses(back ? "old" : "n1", pid);
    }

    private protected override void Dispose(bool disposing)
    {
        if (Places.Long)
        {
            foreach (string host in (string[])["n1", "old"])
                hosts.Try(host, $"rm -rf {work} {work}.pmi /root/.local/state/procmigrate");
        }
        base.Dispose(disposing);
    }

    private void Save(string host, string pid) => hosts.On(host, $"rm -f {work}.pmi; procmigrate save {pid} --bundle --include {work} -o {work}.pmi");

    private void AssertPasses(string host, string pid)
    {
        hosts.On(host, $"kill -USR1 {pid}");
        string verdict = $"cat {work}/out /root/.local/state/procmigrate/*/files*{work}/out 2>/dev/null | grep -e PASS -e FAIL";
        Wait.Until(() => hosts.Try(host, verdict).ExitCode == 0 || hosts.Try(host, $"test -e /proc/{pid}").ExitCode != 0, () => $"no verdict on {host}");
        Assert.Equal("PASS\n", hosts.Try(host, verdict).Output);
    }
}
