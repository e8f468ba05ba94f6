using System.Globalization;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>Work of many processes that has an end: saved in the middle, and the end is the right one.</summary>
public sealed class BatchTests : ProgramTest
{
    [Fact]
    public void Pipeline_OfFivePrograms_MakesWhatItMakesAlone()
    {
        const string pipeline = "seq 1 {0} | awk '{{ print $1 * 7919 % 1000003 }}' | sort -n | gzip -nc | md5sum";
        string command = string.Format(CultureInfo.InvariantCulture, pipeline, 1_500_000);
        Tool.Result alone = Tool.Run("/bin/bash", "-c", command);
        using ProgramUnderTest shell = Run("/bin/bash", "-c", command + "; echo ${PIPESTATUS[*]}");
        for (int round = 1; round <= 2; round++)
        {
            AwaitWork(shell, 20);
            shell.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
        }
        Assert.Equal(0, shell.AwaitExit());
        Assert.Equal(alone.Output + "0 0 0 0 0\n", shell.Log);
    }

    /// <summary>There is hardly an instant at which none of its children begins, execs, ends, or waits to be waited for.</summary>
    [Fact]
    public void Shell_ThatStartsProgramsAllTheTime_GetsEachAnswer()
    {
        const int count = 800;
        using ProgramUnderTest shell = Run("/bin/bash", "-c", $$"""
            for ((i = 1; i <= {{count}}; i++)); do
                answer=$(expr $i + 1 | cat) || exit 1
                [ "$answer" = $((i + 1)) ] || exit 2
                [ $((i % 50)) = 0 ] && echo "step $i"
            done
            exit 7
            """);
        for (int round = 1; round <= 6; round++)
        {
            int steps = Lines(shell);
            Wait.Until(() => Lines(shell) > steps || !shell.IsAlive, () => "no steps");
            if (round % 2 == 0)
                shell.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
            else
                Binary.Save(shell.Pid, Folder[$"{round}.pmi"], "--leave-running");
        }
        Assert.Equal(7 << 8, shell.AwaitExit());
        Assert.Equal(Enumerable.Range(1, count / 50).Select(i => $"step {i * 50}"), shell.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Make_WithTwoJobs_BuildsEachFileOnceAndRight()
    {
        const int files = 40;
        OnlyNightly();
        WriteSources(files);
        using ProgramUnderTest make = Run("/usr/bin/make", "-j2");
        for (int round = 1; round <= 4; round++)
        {
            int objects = Objects();
            Wait.Until(() => Objects() >= objects + 3 || !make.IsAlive, () => make.Log);
            make.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
        }
        Assert.True(make.AwaitExit() == 0, make.Log);
        string[] lines = make.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(files + 1, lines.Length);
        for (int i = 0; i < files; i++)
            Assert.Single(lines, $"cc -O2 -pipe -c part{i}.c -o part{i}.o");
        Assert.Equal($"{Enumerable.Range(0, files).Sum(i => Part(i, 1000))}\n", Tool.Run(Folder["all"]).Output);
    }

    [Theory]
    [InlineData("--cpu 2 --vm 1 --vm-bytes 32m --pipe 1 --shm 1")]
    [InlineData("--sem 1 --msg 1 --sigq 1 --timer 1")]
    [InlineData("--futex 1 --timerfd 1 --eventfd 1 --epoll 0 --fifo 1 --poll 1")]
    [InlineData("--qsort 1 --malloc 1 --mmap 1 --memfd 1 --matrix 1")]
    public void StressNg_Verifies(string stressors)
    {
        const string program = "/usr/bin/stress-ng";
        OnlyNightly();
        Need(program);
        using ProgramUnderTest stress = Run([program, "--verify", "--temp-path", Folder.Path, "-t", "12", .. stressors.Split(' ')]);
        for (int round = 1; round <= 2; round++)
        {
            AwaitWork(stress, 150);
            stress.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
        }
        Assert.True(stress.AwaitExit() == 0, stress.Log);
        Assert.Contains("successful run completed", stress.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("fail", stress.Log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vader")]
    [InlineData("tcp")]
    public void OpenMpi_FourRanks_SumRight(string transport)
    {
        OnlyNightly();
        Need("/usr/bin/mpirun");
        Need("/usr/bin/mpicc");
        Tool.Result built = Tool.Run("/usr/bin/mpicc", "-O2", "-o", Folder["ring"], Path.Combine(Places.Root, "tests/programs/mpi/ring.c"));
        Assert.True(built.ExitCode == 0, built.Error);
        const int steps = 3000;
        using ProgramUnderTest job = Run(
            "/usr/bin/env", "TMPDIR=" + Folder.Path, "/usr/bin/mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "4", "--mca", "btl", "self," + transport,
            "--mca", "btl_tcp_if_include", "lo", "--mca", "mpi_yield_when_idle", "1", Folder["ring"], $"{steps}");
        for (int round = 1; round <= 2; round++)
        {
            int lines = Lines(job);
            Wait.Until(() => Lines(job) > lines + 1 || !job.IsAlive, () => "no steps: " + job.Log);
            job.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
        }
        Assert.True(Lines(job) < steps / 100, "it came to its end before the last save");
        Assert.True(job.AwaitExit() == 0, job.Log);
        Assert.Equal([.. Enumerable.Range(0, steps / 100).Select(i => $"step {i * 100}"), $"right: {steps} steps of 4 ranks"],
            job.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private int Objects() => Directory.GetFiles(Folder.Path, "*.o").Length;

    private static int Lines(ProgramUnderTest program) => program.Log.Count(c => c == '\n');

    private static long Part(int number, int count) => Enumerable.Range(0, count).Sum(i => (long)i * (number + 1) % 17);

    /// <summary>Sources that keep a compiler busy for a while: many functions each.</summary>
    private void WriteSources(int files)
    {
        string objects = string.Join(' ', Enumerable.Range(0, files).Select(i => $"part{i}.o"));
        File.WriteAllText(Folder["Makefile"], $"all: {objects}\n\tcc -o $@ main.c $^\n%.o: %.c\n\tcc -O2 -pipe -c $< -o $@\n");
        for (int i = 0; i < files; i++)
        {
            string padding = string.Concat(Enumerable.Range(0, 150).Select(f =>
                $"static long f{f}(long a) {{ for (int i = 0; i < {f + 2}; i++) a = a * {f + 3} + (a >> i) % 13; return a; }}\n"));
            string calls = string.Join(" ^ ", Enumerable.Range(0, 150).Select(f => $"f{f}(n)"));
            File.WriteAllText(Folder[$"part{i}.c"], $$"""
                {{padding}}
                volatile long unused{{i}};
                long part{{i}}(long n)
                {
                    long sum = 0;
                    unused{{i}} = {{calls}};
                    for (long i = 0; i < n; i++)
                        sum += i * {{i + 1}} % 17;
                    return sum;
                }

                """);
        }
        string declarations = string.Concat(Enumerable.Range(0, files).Select(i => $"long part{i}(long);\n"));
        string sum = string.Join(" + ", Enumerable.Range(0, files).Select(i => $"part{i}(1000)"));
        File.WriteAllText(Folder["main.c"], $$"""
            #include <stdio.h>
            {{declarations}}
            int main(void)
            {
                printf("%ld\n", {{sum}});
                return 0;
            }

            """);
    }
}
