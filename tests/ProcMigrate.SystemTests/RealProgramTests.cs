using System.Numerics;
using System.Security.Cryptography;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>Programs that people run, saved in the middle of their work; what they make in the end must be right.</summary>
public sealed class RealProgramTests : SystemTest
{
    [Theory]
    [InlineData("sim")]
    [InlineData("sim-static")]
    public void Simulation_GoesOnWithTheNextStep(string name)
    {
        string result = Folder["result"];
        using ProgramUnderTest sim = ProgramUnderTest.StartCommand(Folder, Places.Program(name), result, "--size", "1536");
        AwaitLines(result, 20);
        for (int round = 1; round <= 3; round++)
        {
            Binary.Save(sim.Pid, Folder[$"{round}.pmi"]);
            sim.AssertGone();
            int lines = Lines(result);
            Binary.Restore(Folder[$"{round}.pmi"]);
            AwaitLines(result, lines + 10);
        }
        sim.Signal(Native.SIGTERM);
        Assert.Equal(0, sim.AwaitExit());
        Tool.Result verdict = Tool.Run(Places.Program("sim"), "--verify", result);
        Assert.True(verdict.ExitCode == 0, verdict.Output);
        Assert.Contains($"right: {Lines(result) - 1} steps", verdict.Output);
    }

    [Fact]
    public void Python_WithThreadsAndADictionaryAndALog_IsRight()
    {
        string script = Folder["work.py"], log = Folder["python.log"];
        File.WriteAllText(script, PythonWork);
        using ProgramUnderTest python = ProgramUnderTest.StartCommand(Folder, "/usr/bin/python3", script, log, Folder["stop"]);
        AwaitLines(log, 30);
        for (int round = 1; round <= 2; round++)
        {
            python.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
            AwaitLines(log, Lines(log) + 20);
        }
        File.WriteAllText(Folder["stop"], "");
        Assert.True(python.AwaitExit() == 0, python.Log);
        Assert.Contains("all right", python.Log);
        string[] lines = File.ReadAllLines(log);
        for (int i = 0; i < lines.Length; i++)
            Assert.StartsWith($"line {i} ", lines[i], StringComparison.Ordinal);
    }

    /// <summary>Four times the arc tangent of 1, against Machin's formula in integers.</summary>
    [Fact]
    public void Bc_SixThousandDigitsOfPi_AreRight()
    {
        string script = Folder["pi.bc"];
        File.WriteAllText(script, "scale=6000; 4*a(1)\n");
        using ProgramUnderTest bc = ProgramUnderTest.StartCommand(Folder, "/usr/bin/bc", "-lq", script);
        for (int round = 1; round <= 3; round++)
        {
            AwaitWork(bc, 40);
            bc.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
        }
        Assert.Equal(0, bc.AwaitExit());
        string digits = bc.Log.Replace("\\\n", "", StringComparison.Ordinal).Trim().Replace(".", "", StringComparison.Ordinal);
        Assert.Equal(6001, digits.Length);
        // bc cuts each division off: the last digits are not those of pi, here as without a save.
        Assert.Equal(Pi(6010)[..5990], digits[..5990]);
    }

    [Fact]
    public void Xz_WithTwoThreads_MakesAFileThatUnpacksToTheOriginal()
    {
        string original = Folder["data"];
        File.WriteAllBytes(original, SomewhatRandom(48 << 20));
        string hash = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(original)));
        using ProgramUnderTest xz = ProgramUnderTest.StartCommand(Folder, "/usr/bin/xz", "-T2", "--block-size=4MiB", "-3", "data");
        for (int round = 1; round <= 2; round++)
        {
            AwaitWork(xz, 60);
            xz.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
        }
        int status = xz.AwaitExit();
        Assert.True(status == 0, $"wait status {status}: {xz.Log}");
        Assert.False(File.Exists(original), "xz has not come to its end");
        Tool.Result unpacked = Tool.Run("/usr/bin/xz", "-d", original + ".xz");
        Assert.True(unpacked.ExitCode == 0, unpacked.Error);
        Assert.Equal(hash, Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(original))));
    }

    [Fact]
    public void Perl_SortsAndSumsRight()
    {
        string script = Folder["work.pl"], log = Folder["perl.log"];
        File.WriteAllText(script, PerlWork);
        using ProgramUnderTest perl = ProgramUnderTest.StartCommand(Folder, "/usr/bin/perl", script, log, Folder["stop"]);
        AwaitLines(log, 5);
        perl.SaveAndRestoreChanging(Image);
        AwaitLines(log, Lines(log) + 5);
        File.WriteAllText(Folder["stop"], "");
        Assert.True(perl.AwaitExit() == 0, perl.Log);
        Assert.Contains("all right", perl.Log);
    }

    private const string PythonWork = """
        import os, sys, threading, time, hashlib, random
        log, stop = open(sys.argv[1], "w", buffering=1), sys.argv[2]
        table = {f"key {i}": hashlib.md5(str(i).encode()).hexdigest() for i in range(200_000)}
        lock, count, errors = threading.Lock(), 0, []
        def worker(number):
            global count
            numbers = random.Random(number)
            while not os.path.exists(stop):
                i = numbers.randrange(200_000)
                if table[f"key {i}"] != hashlib.md5(str(i).encode()).hexdigest():
                    errors.append(i)
                with lock:
                    table[f"own {number} {i}"] = i
                if i % 500 == 0:
                    with lock:
                        log.write(f"line {count} by {number}\n")
                        count += 1
                    time.sleep(0.001)
        threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
        for t in threads: t.start()
        for t in threads: t.join()
        for key, value in table.items():
            if key.startswith("own") and int(key.split()[2]) != value:
                errors.append(key)
        log.close()
        lines = open(sys.argv[1]).read().splitlines()
        if len(lines) != count:
            errors.append("lines")
        print("wrong: %s" % errors[:9] if errors else "all right")
        sys.exit(1 if errors else 0)
        """;

    private const string PerlWork = """
        use strict; use warnings;
        open(my $log, '>', $ARGV[0]) or die; select((select($log), $| = 1)[0]);
        my (%seen, $round);
        my $wrong = 0;
        srand(42);
        my @data = map { int(rand(1e9)) } 1 .. 100_000;
        my $sum = 0; $sum += $_ for @data;
        until (-e $ARGV[1]) {
            my @sorted = sort { $a <=> $b } @data;
            my $again = 0;
            for my $i (0 .. $#sorted) {
                $again += $sorted[$i];
                $wrong++ if $i && $sorted[$i] < $sorted[$i - 1];
            }
            $wrong++ if $again != $sum;
            $seen{$round++ || 0} = join ',', @sorted[0 .. 9];
            print $log "round $round\n";
        }
        my %kinds = reverse %seen;
        $wrong++ if keys(%kinds) != 1;
        print $wrong ? "wrong $wrong\n" : "all right\n";
        exit($wrong ? 1 : 0);
        """;

    private static int Lines(string path) => (Proc.ReadText(path) ?? "").Count(c => c == '\n');

    private static void AwaitLines(string path, int count) =>
        Wait.Until(() => Lines(path) >= count, () => $"{path} has {Lines(path)} lines, not {count}");

    /// <summary>Waits until the process has used some more time of a processor, so that a save meets it in the middle of its work.</summary>
    private static void AwaitWork(ProgramUnderTest program, long ticks)
    {
        long start = Proc.CpuTicks(program.Pid);
        Wait.Until(() => Proc.CpuTicks(program.Pid) >= start + ticks || !program.IsAlive, () => "no work is done");
        Assert.True(program.IsAlive, "the program came to its end before it could be saved");
    }

    private static byte[] SomewhatRandom(int length)
    {
        Random random = new(7);
        byte[] data = new byte[length];
        for (int i = 0; i < length; i++)
            data[i] = (byte)(i % 3 == 0 ? random.Next(16) : i >> 8);
        return data;
    }

    private static string Pi(int digits)
    {
        BigInteger one = BigInteger.Pow(10, digits + 10);
        BigInteger pi = 4 * ((4 * ArcTangentOfInverse(5, one)) - ArcTangentOfInverse(239, one));
        return pi.ToString();
    }

    private static BigInteger ArcTangentOfInverse(int x, BigInteger one)
    {
        BigInteger power = one / x, sum = power;
        for (int n = 3, sign = -1; !power.IsZero; n += 2, sign = -sign)
        {
            power /= x * x;
            sum += sign * power / n;
        }
        return sum;
    }
}
