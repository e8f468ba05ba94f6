using System.Globalization;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>
/// Runtimes whose threads, timers and collectors are their own: each writes the numbers from 1 on, a line each, while something else of
/// its own is at work. A number left out, or there twice, tells a wrong restore.
/// </summary>
public sealed class LanguageTests : ProgramTest
{
    private const string Go = """
        package main

        import ("fmt"; "os"; "runtime"; "time")

        func main() {
            file, _ := os.Create("out")
            sums := make(chan int)
            for i := 0; i < 100; i++ {
                go func() { for k := 0; ; k++ { sums <- k; time.Sleep(10 * time.Millisecond) } }()
            }
            tick := time.NewTicker(20 * time.Millisecond)
            for line := 1; ; {
                select {
                case <-sums: _ = make([]byte, 10000)
                case <-tick.C: fmt.Fprintln(file, line); line++; if line % 20 == 0 { runtime.GC() }
                }
            }
        }
        """;

    private const string Ruby = """
        queue = Queue.new
        Thread.new { (1..).each { |n| queue << n; sleep 0.02 } }
        file = File.open("out", "w")
        file.sync = true
        Fiber.new { loop { file.puts queue.pop; GC.start if rand < 0.05 } }.resume
        """;

    private const string Php = """
        <?php
        $file = fopen("out", "w");
        $kept = [];
        for ($n = 1; ; $n++) {
            $kept[] = str_repeat("x", $n % 100);
            fwrite($file, "$n\n");
            usleep(20000);
        }
        """;

    // The collector stops the other thread by a signal, and finds what points into the heap by its pages' protection.
    private const string Lisp = """
        (with-open-file (out "out" :direction :output)
          (let ((count 0) (lock (sb-thread:make-mutex)))
            (sb-thread:make-thread (lambda () (loop (sb-thread:with-mutex (lock) (incf count)) (sleep 0.005))))
            (loop for n from 1 do
              (format out "~a~%" n) (finish-output out) (make-array 100000)
              (when (zerop (mod n 10)) (sb-ext:gc :full t))
              (sleep 0.02))))
        """;

    private const string Erlang = """
        -module(counter).
        -export([go/0]).
        go() ->
            {ok, File} = file:open("out", [write]),
            Self = self(),
            [spawn(fun() -> work(Self) end) || _ <- lists:seq(1, 200)],
            count(File, 1).
        work(To) -> timer:sleep(50), To ! work, work(To).
        count(File, N) -> timer:sleep(20), drain(), file:write(File, integer_to_list(N) ++ "\n"), count(File, N + 1).
        drain() -> receive work -> drain() after 0 -> ok end.
        """;

    [Theory]
    [InlineData("/usr/bin/go", "counter.go", Go, "/usr/bin/go build -o counter counter.go", "./counter")]
    [InlineData("/usr/bin/ruby", "counter.rb", Ruby, "", "/usr/bin/ruby counter.rb")]
    [InlineData("/usr/bin/php", "counter.php", Php, "", "/usr/bin/php counter.php")]
    [InlineData("/usr/bin/sbcl", "counter.lisp", Lisp, "", "/usr/bin/sbcl --script counter.lisp")]
    [InlineData("/usr/bin/erl", "counter.erl", Erlang, "/usr/bin/erlc counter.erl", "/usr/bin/erl -noshell -s counter go")]
    public void Program_CountsOn(string needed, string file, string source, string build, string command)
    {
        OnlyNightly();
        Need(needed);
        File.WriteAllText(Folder[file], source);
        if (build.Length > 0)
        {
            // go wants a place for what it compiled.
            Tool.Result built = Tool.Run("/bin/sh", "-c", $"cd {Folder.Path} && HOME={Folder.Path} {build}");
            Assert.True(built.ExitCode == 0, built.Output + built.Error);
        }
        using ProgramUnderTest program = Run(["/usr/bin/env", .. command.Split(' ')]);
        AwaitLines(program, 10);
        for (int round = 0; round < 3; round++)
        {
            program.SaveAndRestoreChanging(Folder[$"{round}.pmi"]);
            AwaitLines(program, program.Lines.Length + 20);
        }
        // The last line may be half written.
        string[] lines = program.Lines[..^1];
        Assert.Equal(Enumerable.Range(1, lines.Length).Select(n => n.ToString(CultureInfo.InvariantCulture)), lines);
    }

    private static void AwaitLines(ProgramUnderTest program, int count)
    {
        Wait.Until(() => program.Lines.Length > count || !program.IsAlive, () => $"{program.Lines.Length} lines only: {program.Log}");
        program.AssertRuns();
    }
}
