using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>Programs that go to hosts which share nothing with theirs, bundled, and judge by themselves whether all is right.</summary>
public sealed partial class DifferentHostTests : SystemTest, IClassFixture<DifferentHosts>
{
    private const string PythonProgram = """
        import argparse, array, asyncio, base64, bisect, collections, csv, ctypes, datetime, decimal, fractions, hashlib, heapq, json, math
        import os, queue, random, re, signal, socket, sqlite3, statistics, struct, threading, time, uuid, zlib
        out = os.path.abspath("out")
        data = open("data.csv")
        rows = csv.reader(data)
        first = [next(rows) for _ in range(10)]
        database = sqlite3.connect(":memory:")
        database.execute("create table t (n integer, h text)")
        ticks, early, back = 0, [], []
        def tick():
            global ticks
            last = time.monotonic()
            while True:
                time.sleep(0.02)
                now = time.monotonic()
                if now < last: back.append(last - now)
                if now - last > 60: early.append(now - last)
                last = now
                ticks += 1
        threading.Thread(target=tick, daemon=True).start()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        for n in range(1000):
            database.execute("insert into t values (?, ?)", (n, hashlib.sha256(str(n).encode()).hexdigest()))
        while ticks < 5: time.sleep(0.01)
        with open(out, "a") as f: f.write("READY\n")
        signal.sigwait([signal.SIGUSR1])
        why = []
        before = ticks
        time.sleep(0.3)
        if ticks == before: why.append("the thread stands still")
        if back or early: why.append(f"time jumped: {back} {early}")
        rest = first + list(rows)
        if [r[0] for r in rest] != [str(n) for n in range(5000)]: why.append(f"{len(rest)} rows")
        if database.execute("select count(distinct h) from t").fetchone() != (1000,): why.append("the database")
        if decimal.Decimal(2).sqrt() ** 2 - 2 > decimal.Decimal("1e-20"): why.append("decimal")
        if zlib.decompress(zlib.compress(b"x" * 1000)) != b"x" * 1000: why.append("zlib")
        with open(out, "a") as f: f.write("FAIL: " + "; ".join(why) + "\n" if why else "PASS\n")
        """;

    // What this machine's libraries would choose and an emulated processor does not have. A program that is to be free to move is started so.
    private const string Modest = "/usr/bin/env GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-RTM,-XSAVEC OPENSSL_ia32cap=:~0x600fc230000";

    private readonly DifferentHosts hosts;
    private readonly string work;

    // Not in the folder of work: a tree that sees its files under their old names may have another one there.
    private readonly string image;
    private readonly string there;

    public DifferentHostTests(DifferentHosts hosts)
    {
        Assert.SkipUnless(Places.Long, "a heavy one: PROCMIGRATE_LONG=1");
        this.hosts = hosts;
        work = Path.Combine(hosts.Work, Guid.NewGuid().ToString("N"));
        image = $"/root/{Path.GetFileName(work)}.pmi";
        there = $"/root/{Path.GetFileName(work)}.there.pmi";
        foreach (string host in (string[])["n1", "deb", "vm"])
            On(host, $"mkdir -p {work}");
    }

    public static TheoryData<string> Programs { get; } =
    [
        "vdso", "clocks", "sleeps", "steady", "threads64", "signals", "threadstate", "posixtimers", "events elsewhere", "pipes", "memory 48", "maps elsewhere", "cow",
        "regs general", "regs x87-emulated", "regs sse", "regs avx",
    ];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_ToAnOlderKernel_AndBack_Passes(string line)
    {
        string[] words = line.Split(' ', 2);
        // These open files by name when they judge.
        string options = words[0] is "maps" or "pipes" or "events" ? "--force --same-names" : "--force";
        string pid = StartOnN1($"{Places.Program(words[0])} {work}/out {words.ElementAtOrDefault(1)}");
        Take(pid, "n1", "vm", options);
        On("vm", $"kill -0 {pid}; sleep 1");
        Take(pid, "vm", "n1", options);
        AssertPasses("n1", pid);
    }

    /// <summary>
    /// As one act, with all its files there already: its memory goes straight into a process that has another kernel's vdso, and clocks that
    /// are set after that. While it was under way no time has passed for it.
    /// </summary>
    [Theory]
    [InlineData("clocks")]
    [InlineData("steady")]
    [InlineData("threadstate")]
    public void Program_ThatMigratesToAnOlderKernel_AndBack_Passes(string name)
    {
        On("n1", $"cc -std=gnu11 -D_GNU_SOURCE -O2 -static -pthread -o {work}/{name} {Places.Root}/tests/programs/{name}.c");
        string pid = StartOnN1($"{work}/{name} {work}/out");
        On("n1", $"tar -C {work} --format=posix -c . | ssh vm tar -C {work} -xp");
        On("n1", $"procmigrate migrate {pid} vm --force");
        On("vm", $"kill -0 {pid}; sleep 1");
        On("vm", $"procmigrate migrate {pid} n1 --force");
        AssertPasses("n1", pid);
    }

    /// <summary>A tree that wanders carries the code of each kernel once.</summary>
    [Fact]
    public void Program_ThereAndBackThreeTimes_DoesNotGrow()
    {
        string pid = StartOnN1($"{Places.Program("vdso")} {work}/out");
        var mappings = new List<string>();
        for (int round = 0; round < 3; round++)
        {
            Take(pid, "n1", "vm", "--force");
            Take(pid, "vm", "n1", "--force");
            mappings.Add(On("n1", $"wc -l </proc/{pid}/maps"));
        }
        Assert.Single(mappings.Distinct());
        AssertPasses("n1", pid);
    }

    [Fact]
    public void Program_OnAnotherProcessor_IsRefusedByName_UnlessForced()
    {
        Assert.SkipUnless(File.ReadAllText("/proc/cpuinfo").Contains(" avx512f", StringComparison.Ordinal), "a processor without AVX-512");
        string pid = StartOnN1($"{Places.Program("steady")} {work}/out");
        Save(pid, "n1");
        On("n1", $"procmigrate send {image} vm --to {there}");
        Tool.Result refused = hosts.Try("n1", $"procmigrate restore {there} --host vm --json");
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("\"CpuFeature\"", refused.Output, StringComparison.Ordinal);
        Assert.Contains("avx512f", refused.Output, StringComparison.Ordinal);
        On("n1", $"procmigrate restore {there} --host vm --force");
        AssertPasses("vm", pid);
    }

    [Theory]
    [InlineData("vm")]
    [InlineData("deb")]
    public void Python_With20ModulesAndOpenData_Passes(string host)
    {
        File.WriteAllText($"{work}/data.csv", string.Concat(Enumerable.Range(0, 5000).Select(n => $"{n},{n * n}\n")));
        File.WriteAllText($"{work}/program.py", PythonProgram);
        string pid = StartOnN1($"/usr/bin/python3 {work}/program.py");
        Take(pid, "n1", host, "--force");
        if (host == "vm")
        {
            On("vm", "sleep 2");
            Take(pid, "vm", "n1", "--force");
            host = "n1";
        }
        AssertPasses(host, pid);
    }

    [Fact]
    public void Simulation_GoesOnOnAnotherRelease()
    {
        string pid = StartOnN1($"{Places.Program("sim")} {work}/result --pause 20", ready: false);
        Wait.Until(() => Steps("n1") >= 5, () => "the simulation does not begin");
        Take(pid, "n1", "deb");
        int steps = Steps("deb");
        Wait.Until(() => Steps("deb") >= steps + 5, () => $"the simulation stands at step {Steps("deb")}");
        On("deb", $"kill {pid}");
        Wait.Until(() => hosts.Try("deb", $"test -e /proc/{pid}").ExitCode != 0, () => "the simulation does not end");
        File.WriteAllText($"{work}/result", On("deb", $"cat {ResultOn("deb")}"));
        On("n1", $"{Places.Program("sim")} --verify {work}/result");
    }

    [Fact]
    public void CPlusPlus_WithPlugins_LoadsOneMoreOnAnotherRelease()
    {
        On("n1", $"mkdir /opt/plugged && cp {Places.Programs}/plugins.d/*.so /opt/plugged && echo colour=blue >/opt/plugged/settings");
        string pid = StartOnN1($"{Places.Program("plugins")} {work}/out /opt/plugged");
        Save(pid, "n1", "--include /opt/plugged");
        On("n1", $"procmigrate send {image} deb --to {there} && procmigrate restore {there} --host deb --same-names");
        On("deb", $"kill -USR1 {pid}");
        // By its old name, or in its mount namespace.
        string verdict = $"cat {work}/out /root/.local/state/procmigrate/*/files*{work}/out 2>/dev/null | grep -e PASS -e FAIL";
        Wait.Until(() => hosts.Try("deb", verdict).ExitCode == 0, () => "no verdict");
        Assert.Equal("PASS\n", On("deb", verdict));
    }

    private protected override void Dispose(bool disposing)
    {
        if (Places.Long)
        {
            foreach (string host in (string[])["n1", "deb", "vm"])
                hosts.Try(host, $"for p in $(cat {work}/pids); do kill -9 $p; done 2>/dev/null; rm -rf {work} {image} {there} /root/.local/state/procmigrate");
        }
        base.Dispose(disposing);
    }

    private string StartOnN1(string command, bool ready = true)
    {
        string pid = On("n1", $"{Places.Program("launch")} {work}/log {work} {Modest} {command}").Trim();
        foreach (string host in (string[])["n1", "deb", "vm"])
            On(host, $"echo {pid} >>{work}/pids");
        if (ready)
            Wait.Until(() => File.Exists($"{work}/out") && File.ReadAllText($"{work}/out").Contains("READY", StringComparison.Ordinal), () => $"not ready: {File.ReadAllText($"{work}/log")}");
        return pid;
    }

    private void Save(string pid, string host, string more = "") => On(host, $"procmigrate save {pid} --bundle {more} -o {image}");

    /// <summary>Saved here, sent, restored there.</summary>
    private void Take(string pid, string from, string to, string options = "")
    {
        Save(pid, from);
        On(from, $"procmigrate send {image} {to} --to {there} && procmigrate restore {there} --host {to} {options}");
        On(from, $"rm {image}");
        On(to, $"rm {there}");
    }

    private void AssertPasses(string host, string pid)
    {
        On(host, $"kill -USR1 {pid}");
        Wait.Until(() => hosts.Try(host, $"grep -q -e PASS -e FAIL {work}/out").ExitCode == 0 || hosts.Try(host, $"test -e /proc/{pid}").ExitCode != 0,
            () => $"no verdict on {host}");
        string verdict = hosts.Try(host, $"cat {work}/out {work}/log").Output;
        Assert.True(verdict.Contains("PASS", StringComparison.Ordinal), verdict);
    }

    private int Steps(string host) => hosts.Try(host, $"grep -c ^step {ResultOn(host)}") is { ExitCode: 0, Output: var count } ? int.Parse(count) : 0;

    /// <summary>Under its new name on another host.</summary>
    private string ResultOn(string host) => host == "n1" ? $"{work}/result" : $"$(ls /root/.local/state/procmigrate/*/files*{work}/result)";

    private string On(string host, string script) => hosts.On(host, script);
}
