using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>
/// Timers of runtimes, which go by the clock since boot, tick on at their rate on a machine whose uptime is another by days. The programs
/// judge by themselves: no burst, no pause, no jump, and a delay that is pending at the save ends after what was left of it.
/// </summary>
public sealed class RuntimeClockTests : ProgramTest
{
    private const string TenDays = "864000";

    private const string JavaProgram = """
        import java.nio.file.*;
        import java.util.*;
        import java.util.concurrent.*;
        import java.util.concurrent.atomic.*;

        public class Ticks {
            static final long PERIOD = 50_000_000L, DELAY = 8_000_000_000L, ERROR = 5_000_000_000L, GAP = 30_000_000_000L;
            static final AtomicLong count = new AtomicLong();
            static long last = System.nanoTime(), longest;
            static boolean back;

            static synchronized void tick() {
                long now = System.nanoTime(), gap = now - last;
                back |= gap < 0;
                longest = Math.max(longest, gap);
                last = now;
                count.incrementAndGet();
            }

            static long wall() { return System.currentTimeMillis() * 1_000_000L; }

            static void report(Path file, String line) throws Exception {
                Files.writeString(file, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            }

            public static void main(String[] args) throws Exception {
                Path out = Path.of(args[0]), go = Path.of(args[1]);
                List<String> why = new ArrayList<>();
                ScheduledExecutorService executor = Executors.newScheduledThreadPool(2);
                long asked = System.nanoTime(), start = wall();
                ScheduledFuture<long[]> pending = executor.schedule(() -> new long[] { System.nanoTime() - asked, wall() - start }, DELAY, TimeUnit.NANOSECONDS);
                executor.scheduleAtFixedRate(Ticks::tick, PERIOD, PERIOD, TimeUnit.NANOSECONDS);
                while (count.get() < 3) Thread.sleep(10);
                report(out, "READY");
                while (!Files.exists(go)) Thread.sleep(20);

                long before = count.get(), from = wall();
                while (wall() - from < 2_000_000_000L) Thread.sleep(20);
                long due = (wall() - from) / PERIOD, got = count.get() - before;
                if (got < due / 8 || got > 3 * due) why.add(got + " ticks where " + due + " were due");
                long[] waited = pending.get();
                if (waited[0] < DELAY || waited[1] < DELAY - ERROR) why.add("the delay was over after " + waited[0] + ", " + waited[1] + " by the wall clock");
                executor.shutdownNow();
                // A fixed rate makes up for what it has missed: were that days, it would be millions.
                long life = wall() - start, counted = System.nanoTime() - asked;
                if (count.get() > (life + ERROR) / PERIOD) why.add(count.get() + " ticks in " + life);
                if (counted > life + ERROR) why.add("the clock has counted " + counted + " in " + life);
                if (back || longest > GAP) why.add("the clock stood or jumped by " + longest + (back ? ", and back" : ""));
                report(out, why.isEmpty() ? "PASS" : "FAIL: " + String.join("; ", why));
            }
        }
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DotNet_OnAMachineOfAnotherUptime_TicksOn(bool there) =>
        TicksOn(there, Path.Combine(Places.Root, "artifacts/bin/ProcMigrate.Ticks/release/ProcMigrate.Ticks"));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Java_OnAMachineOfAnotherUptime_TicksOn(bool there)
    {
        const string java = "/usr/bin/java";
        OnlyNightly();
        Need(java);
        File.WriteAllText(Folder["Ticks.java"], JavaProgram);
        TicksOn(there, java, Folder["Ticks.java"]);
    }

    /// <param name="there">It is the first machine that has been up for longer, not the second.</param>
    private void TicksOn(bool there, params string[] command)
    {
        string[] start = there ? ["unshare", "-T", "--monotonic", TenDays, "--boottime", TenDays, "--"] : [];
        using ProgramUnderTest program = Run([.. start, .. command, Folder["out"], Folder["go"]]);
        Wait.Until(() => program.Lines is ["READY"] || !program.IsAlive, () => $"not ready: {program.Log}");
        Assert.True(program.IsAlive, program.Log);
        Answer saved = there ? Binary.RunAs(OtherMachine.Of(program.Pid, Folder), "save", $"{program.Pid}", "-o", Image, "--json") : Binary.Save(program.Pid, Image);
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Answer restored = there ? Binary.Restore(Image) : Binary.RunAs(OtherMachine.Shifted(Folder, TenDays, TenDays), "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        File.WriteAllText(Folder["go"], "");
        Wait.Until(() => program.Lines is [_, ..] and not ["READY"] || !program.IsAlive, () => $"no verdict: {program.Log}");
        Assert.True(program.Lines is ["READY", "PASS"], $"{string.Join(" | ", program.Lines)} {program.Log}");
        Assert.Equal(0, program.AwaitExit());
    }
}
