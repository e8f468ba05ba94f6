using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>Programs on terminals: saved with their pty, or as a job of a shell that stays behind.</summary>
public sealed class TerminalTests : TerminalTest
{
    [Fact]
    public void Shell_WithAStoppedAndARunningJob_GoesOnWithBoth()
    {
        using ProgramUnderTest host = StartOnPty("/bin/bash", "--norc", "-i");
        Type("PS1=''; answer=41\n", "answer=41");
        Type("sleep 300 & sleep 0.1; echo begun\n", "\nbegun");
        Type("sleep 400\n", "sleep 400");
        AwaitForeground(host, "sleep");
        Type("\u001a", "Stopped");
        SaveAndRestore(host);
        Type("jobs; echo value $((answer+1))\n", "value 42");
        Assert.Contains("Running                 sleep 300", AfterRestore(), StringComparison.Ordinal);
        Assert.Contains("Stopped                 sleep 400", AfterRestore(), StringComparison.Ordinal);
        Type("fg\n", "sleep 400");
        AwaitForeground(host, "sleep");
        Type("\u0003", "^C");
        Type("kill %1; wait; echo 'all ''gone'\n", "all gone");
        Type("history | head -1\n", "1  PS1=''; answer=41");
        Type("exit 7\n", "exit");
        Assert.Equal(7 << 8, host.AwaitExit());
    }

    [Fact]
    public void Vim_WithUnsavedText_WritesItAfterTheRestore()
    {
        string text = Folder["text"];
        using ProgramUnderTest host = StartOnPty("/usr/bin/vim", "-u", "NONE", "-n", text);
        Type("ibefore the save\u001b", "before the save");
        SaveAndRestore(host);
        Type("oafter the restore\u001b", "after the restore");
        Type(":wq\r", "written");
        Assert.Equal(0, host.AwaitExit());
        Assert.Equal("before the save\nafter the restore\n", File.ReadAllText(text));
    }

    [Fact]
    public void Less_GoesOnWhereItWas()
    {
        string text = Folder["text"];
        File.WriteAllLines(text, Enumerable.Range(1, 500).Select(n => $"line {n} of the text"));
        using ProgramUnderTest host = StartOnPty("/usr/bin/less", text);
        Type("100j", "line 120 of");
        SaveAndRestore(host);
        Type("j", "line 130 of");
        Type("q", "");
        Assert.Equal(0, host.AwaitExit());
    }

    [Fact]
    public void Python_AtItsPrompt_KeepsWhatWasDefined()
    {
        using ProgramUnderTest host = StartOnPty("/usr/bin/python3", "-q");
        Type("a = [1, 2, 3]\n", ">>> ");
        Type("print('kept', sum(a))\n", "kept 6");
        SaveAndRestore(host);
        Type("print('still', sum(a))\n", "still 6");
        Type("exit(5)\n", "exit(5)");
        Assert.Equal(5 << 8, host.AwaitExit());
    }

    [Fact]
    public void Top_GoesOnDrawing()
    {
        using ProgramUnderTest host = StartOnPty("/usr/bin/top", "-d", "0.3");
        Wait.Until(() => Screen.Contains("PID", StringComparison.Ordinal), () => Screen);
        SaveAndRestore(host);
        Wait.Until(() => AfterRestore().Length > 500, () => "top draws no more");
        Type("q", "");
        Assert.Equal(0, host.AwaitExit());
    }

    /// <summary>What a save was told of a terminal outside the tree counts until a restore is told otherwise.</summary>
    [Fact]
    public void Save_ToldAFileForTheTerminal_IsRestoredOntoIt()
    {
        const string Program = "import sys,time\\nt=open(\"/dev/tty\",\"w\")\\nwhile True: print(\"out\",flush=True); print(\"tty\",file=t,flush=True); time.sleep(0.05)";
        using ProgramUnderTest shell = StartOnPty("/bin/bash", "--norc", "-i");
        Type($"exec python3 -c $'{Program}'\r", "tty\r\nout");
        using ProgramUnderTest program = ProgramUnderTest.Adopt(Folder, AwaitForeground(shell, "python3"));
        Binary.Save(program.Pid, Image, "--terminal", Folder["there"]);
        Binary.Restore(Image);
        Wait.Until(() => (Proc.ReadText(Folder["there"]) ?? "").Contains("out\ntty\nout\ntty\n", StringComparison.Ordinal), () => $"nothing comes to the file: {program.Log}");

        program.Signal(Native.SIGKILL);
        program.AwaitExit();
        long length = new FileInfo(Folder["there"]).Length;
        Binary.Restore(Image, "--terminal", "null");
        long used = Proc.CpuTicks(program.Pid);
        Wait.Until(() => Proc.CpuTicks(program.Pid) > used, () => "the program stands still");
        Assert.Equal(length, new FileInfo(Folder["there"]).Length);
    }

    /// <summary>vim saved out of a shell's terminal, restored there with --wait, stopped by Ctrl-Z, continued by fg, ended.</summary>
    [Fact]
    public void Vim_OnATerminalOutside_IsAJobOfTheShellThatRestoresIt()
    {
        string text = Folder["text"];
        using ProgramUnderTest host = StartOnPty("/bin/bash", "--norc", "-i");
        Type("PS1=''; stty -a >settings1\n", "settings1");
        Type($"vim -u NONE -n {text}\n", "[New");
        Type("ifirst\u001b", "first");
        int vim = AwaitForeground(host, "vim");
        Binary.Save(vim, Image);
        Type("stty sane; stty -a >settings2; echo 'now ''restore'\n", "now restore");
        Type($"{Places.Binary} restore {Image} --wait\n", "--wait");
        // What is typed before would be the shell's or procmigrate's.
        Assert.Equal(vim, AwaitForeground(host, "vim"));
        Type("osecond\u001b", "second");
        Type("\u001a", "Stopped");
        Type("stty -a >settings3; echo 'in ''between'\n", "in between");
        Type("fg; echo code $?\n", "second");
        Assert.Equal(vim, AwaitForeground(host, "vim"));
        Type(":wq\r", "written");
        Wait.Until(() => Screen.Contains("code 0", StringComparison.Ordinal), () => Screen);
        Type("exit\n", "exit");
        Assert.Equal(0, host.AwaitExit());
        Assert.Equal("first\nsecond\n", File.ReadAllText(text));
        Assert.Equal(File.ReadAllText(Folder["settings2"]), File.ReadAllText(Folder["settings3"]));
    }

    /// <summary>Neither committed nor lost: the lock on the file is there, other sessions do not see the new rows, and the end is up to the user.</summary>
    [Theory]
    [InlineData("commit", "3000")]
    [InlineData("rollback", "1000")]
    public void Sqlite_InAnOpenTransaction_EndsItAsToldTo(string end, string rows)
    {
        const string sqlite = "/usr/bin/sqlite3";
        string database = Folder["data.db"];
        using ProgramUnderTest host = StartOnPty(sqlite, "-batch", "-interactive", database);
        Type("create table t (n integer primary key, h text);\n", "h text);");
        Type("insert into t select value, hex(value) from generate_series(1, 1000);\n", "1000);");
        // A small cache spills into the file before the commit: then the journal holds what was before.
        Type("pragma cache_size = 10; begin immediate; insert into t select value, hex(value) from generate_series(1001, 3000);\n", "3000);");
        Type("select 'in' || ' the middle';\n", "in the middle");
        Assert.Contains("locked", Other("insert into t values (5000, '')"), StringComparison.Ordinal);
        SaveAndRestore(host);
        Assert.Contains("locked", Other("insert into t values (5000, '')"), StringComparison.Ordinal);
        Type("select 'all: ' || count(*) from t where h = hex(n);\n", "all: 3000");
        Type($"{end}; select '{end} ' || 'done';\n", $"{end} done");
        Assert.Equal($"{rows}|ok\n", Other("select count(*), (select * from pragma_integrity_check) from t where h = hex(n)"));
        Type(".exit\n", ".exit");
        Assert.Equal(0, host.AwaitExit());

        string Other(string sql)
        {
            Tool.Result result = Tool.Run(sqlite, database, sql);
            return result.Output + result.Error;
        }
    }

    /// <summary>The server has its terminals in the tree; its clients come and go.</summary>
    [Fact]
    public void Tmux_WithVimInIt_KeepsItsWindows()
    {
        const string tmux = "/usr/bin/tmux";
        Need(tmux);
        Need("/usr/bin/vim");
        string socket = Folder["tmux"], text = Folder["text"];
        using ProgramUnderTest server = Run("/usr/bin/env", "TERM=screen", "HISTFILE=" + Folder["history"], tmux, "-S", socket, "-f", "/dev/null", "-D");
        Wait.Until(() => File.Exists(socket), () => server.Log);
        Do("new-session", "-d", "-s", "work", "-x", "80", "-y", "24", "vim", "-u", "NONE", "-n", text);
        Do("split-window", "-t", "work", "/bin/bash", "--norc");
        Do("send-keys", "-t", "work.0", "ibefore the save", "Escape");
        Do("send-keys", "-t", "work.1", "x=41", "Enter", "sleep 300", "Enter");
        AwaitPane(0, "before the save");
        AwaitPane(1, "sleep 300");
        AwaitChildren(server, 3);
        SaveAndRestoreTree(server);
        Do("send-keys", "-t", "work.0", "oafter the restore", "Escape");
        AwaitPane(0, "before the save\nafter the restore\n");
        Do("resize-pane", "-t", "work.0", "-y", "5");
        Do("send-keys", "-t", "work.1", "C-c");
        Do("send-keys", "-t", "work.1", "echo value $((x+1)) in $LINES lines", "Enter");
        AwaitPane(1, "value 42 in 18 lines");
        Do("send-keys", "-t", "work.0", ":wq", "Enter");
        Wait.Until(() => Do("list-panes", "-t", "work").Split('\n').Length == 2, () => "vim's pane stays");
        Assert.Equal("before the save\nafter the restore\n", File.ReadAllText(text));
        Do("kill-server");
        Assert.Equal(0, server.AwaitExit());

        string Do(params string[] command)
        {
            Tool.Result result = Tool.Run(tmux, ["-S", socket, .. command]);
            Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result.Error} {server.Log}");
            return result.Output;
        }

        void AwaitPane(int pane, string shown)
        {
            string now() => Do("capture-pane", "-p", "-t", $"work.{pane}");
            Wait.Until(() => now().Contains(shown, StringComparison.Ordinal), () => $"no '{shown}' in pane {pane}: {now()}");
        }
    }

    /// <summary>A session as people have it: a client in a terminal, and a server that is nobody's child. One image holds both.</summary>
    [Fact]
    public void Tmux_WithItsClient_IsSavedInOneGo()
    {
        const string tmux = "/usr/bin/tmux";
        string socket = Folder["tmux"];
        using ProgramUnderTest host = StartOnPty(tmux, "-S", socket, "-f", "/dev/null", "new-session", "/bin/bash --norc");
        Type("x=41; echo 'be''gun'\n", "begun");
        using ProgramUnderTest server = ProgramUnderTest.Adopt(Folder, int.Parse(Tool.Run(tmux, "-S", socket, "display-message", "-p", "#{pid}").Output));
        Reaper.WatchDescendants(host.Pid);
        Reaper.WatchDescendants(server.Pid);
        Answer saved = Binary.Save(host.Pid, Image, $"{server.Pid}");
        host.AssertGone();
        server.AssertGone();
        Assert.Equal(saved.Processes, Binary.Restore(Image).Processes);
        Type("echo value $((x+1))\n", "value 42");
        Type("exit\n", "[exited]");
        Assert.Equal(0, host.AwaitExit());
        Assert.Equal(0, server.AwaitExit());
    }
}
