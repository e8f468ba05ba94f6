using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Processes;

/// <summary>Sessions and process groups that reach beyond the tree, or that several roots share.</summary>
public sealed class SessionTests : SystemTest
{
    /// <summary>A pid is not free while a session has its number: the save tells who has it, and so does the restore.</summary>
    [Fact]
    public void SessionThatAProcessOutsideHas_IsToldAndNamed()
    {
        using ProgramUnderTest leader = StartShell("(sleep 987 &); exec sleep 986");
        int orphan = MemberOf(leader.Pid, "sleep", 987);
        AssertTells(Binary.Run("check", $"{leader.Pid}", "--json"), orphan);
        AssertTells(Binary.Save(leader.Pid, Image), orphan);
        leader.AssertGone();

        foreach (Answer refused in new[] { Binary.Run("check", Image, "--json"), Binary.Run("restore", Image, "--json") })
        {
            Assert.Equal(3, refused.ExitCode);
            JsonElement blocker = Assert.Single(refused.Blockers);
            Assert.Equal("PidInUse", blocker.GetProperty("id").GetString());
            Assert.Equal($"{leader.Pid} is the session of sleep (process {orphan})", blocker.GetProperty("what").GetString());
        }
        // Both remedies.
        using (TreeInNamespace copy = TreeInNamespace.Restore(Image))
            Assert.Equal(leader.Pid, copy.InnerPid);
        Assert.Equal(0, Native.Kill(orphan, Native.SIGKILL));
        Wait.Until(() => !Proc.Exists(orphan), () => "the orphan does not end");
        Binary.Restore(Image);
        Assert.Equal(leader.Pid, SessionOf(leader.Pid));
    }

    /// <summary>What the remedy of PipeOutside advises: both ends of a shell's pipeline, which have one session, led by the shell, and one group.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PipelineOfAShell_SavedByItsTwoProcesses_GoesOn(bool readerFirst)
    {
        string counted = Folder["counted"];
        using ProgramUnderTest shell = StartShell(
            $"set -m; (i=0; while :; do i=$((i+1)); echo $i || exit 1; sleep 0.02; done) 2>/dev/null | tee {counted} >/dev/null 2>&1 & wait; sleep 985");
        int reader = MemberOf(shell.Pid, "tee", null);
        int writer = GroupOf(reader);
        Reaper.WatchSession(writer);
        Reaper.WatchDescendants(shell.Pid);
        Wait.Until(() => Lines(counted).Length > 5, () => "nothing is counted");
        int[] roots = readerFirst ? [reader, writer] : [writer, reader];

        Answer saved = Binary.Run(["save", .. roots.Select(pid => $"{pid}"), "-o", Image, "--json"]);
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Binary.Restore(Image);

        Assert.Equal((writer, writer), (GroupOf(writer), GroupOf(reader)));
        Assert.Equal((writer, writer), (SessionOf(writer), SessionOf(reader)));
        int before = Lines(counted).Length;
        Wait.Until(() => Lines(counted).Length > before + 5, () => "the count does not go on");
        Assert.Equal(0, Native.Kill(writer, Native.SIGKILL));
        Wait.Until(() => !Proc.IsAlive(reader), () => "tee does not see the end of the pipe");
        string[] lines = Lines(counted);
        Assert.Equal(Enumerable.Range(1, lines.Length).Select(i => $"{i}"), lines);
    }

    /// <summary>The orphan is named first, and belongs into the session of what is named behind it.</summary>
    [Theory]
    [InlineData("sleep 984", false)]
    [InlineData("setsid sleep 984", true)]
    [InlineData("set -m; sleep 984", false)]
    public void OrphanNamedBeforeTheLeaderOfItsSession_IsInIt(string command, bool apart)
    {
        using ProgramUnderTest leader = StartShell($"({command} & sleep 0.1); exec sleep 983");
        Wait.Until(() => Proc.ReadText($"/proc/{leader.Pid}/cmdline") == "sleep\0983\0", () => "the leader does not get there");
        int orphan = apart ? OrphanOf("984") : MemberOf(leader.Pid, "sleep", 984);
        Reaper.Watch(orphan);
        (int Session, int Group) before = (SessionOf(orphan), GroupOf(orphan));

        Answer saved = Binary.Run("save", $"{orphan}", $"{leader.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Assert.False(Proc.Exists(orphan));
        Binary.Restore(Image);

        Assert.Equal(before, (SessionOf(orphan), GroupOf(orphan)));
        Assert.Equal((leader.Pid, leader.Pid), (SessionOf(leader.Pid), GroupOf(leader.Pid)));
        Assert.Equal(0, Native.Kill(orphan, Native.SIGKILL));
    }

    /// <summary>Born before its parent founded a session, so in one that is led from outside: that number is taken as long as its leader lives.</summary>
    [Fact]
    public void ChildInTheSessionThatItsParentHasLeft_IsInAnother()
    {
        const string Program = "import os,time\nif os.fork()==0:\n time.sleep(982)\nos.setsid()\ntime.sleep(981)";
        using ProgramUnderTest shell = StartShell($"(python3 -c '{Program}') & sleep 980");
        int parent = 0;
        Wait.Until(() => (parent = Reaper.Descendants(shell.Pid).FirstOrDefault(pid => SessionOf(pid) == pid)) != 0, () => "no leader");
        int child = Assert.Single(Reaper.Descendants(parent));
        Assert.Equal(shell.Pid, SessionOf(child));
        Reaper.Watch(parent);
        Reaper.Watch(child);

        Binary.Save(parent, Image);
        Answer restored = Binary.Restore(Image);

        Assert.Equal(parent, SessionOf(parent));
        Assert.NotEqual(parent, SessionOf(child));
        Assert.NotEqual(parent, GroupOf(child));
        Assert.Contains($"session {shell.Pid}", restored.Output, StringComparison.Ordinal);
        Assert.Equal(0, Native.Kill(child, Native.SIGKILL));
        Assert.Equal(0, Native.Kill(parent, Native.SIGKILL));
    }

    /// <summary>A daemon that a subreaper has adopted: the number of its ended leader is that of its session and of its group.</summary>
    [Fact]
    public void DaemonUnderASubreaper_KeepsSessionAndGroup()
    {
        const string Program = "import os,time,ctypes\nctypes.CDLL(None).prctl(36,1,0,0,0)\np=os.fork()\nif p==0:\n os.setsid()\n if os.fork()==0:\n  time.sleep(979)\n os._exit(0)\nos.waitpid(p,0)\nopen(\"ready\",\"w\").close()\ntime.sleep(978)";
        using ProgramUnderTest root = ProgramUnderTest.StartCommand(Folder, "/usr/bin/python3", "-c", Program);
        Wait.Until(() => File.Exists(Folder["ready"]), () => "not ready: " + root.Log);
        int daemon = Assert.Single(Reaper.Descendants(root.Pid));
        Reaper.Watch(daemon);
        (int Session, int Group) before = (SessionOf(daemon), GroupOf(daemon));
        Assert.Equal(before.Session, before.Group);
        Binary.Save(root.Pid, Image);
        Answer restored = Binary.Restore(Image);
        Assert.Equal(before, (SessionOf(daemon), GroupOf(daemon)));
        Assert.DoesNotContain("has the number", restored.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ChildNamedBeforeItsParent_IsItsChildAgain(bool alone)
    {
        using ProgramUnderTest parent = StartShell("sleep 977 & wait");
        int child = MemberOf(parent.Pid, "sleep", 977);
        Reaper.Watch(child);
        Answer saved = Binary.Run(["save", $"{child}", $"{parent.Pid}", "-o", Image, "--json", .. Enumerable.Repeat("--no-children", alone ? 1 : 0)]);
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Binary.Restore(Image);
        Assert.Equal([child], Reaper.Descendants(parent.Pid));
    }

    private ProgramUnderTest StartShell(string script) => ProgramUnderTest.StartCommand(Folder, "/bin/bash", "-c", script);

    private static void AssertTells(Answer answer, int outside)
    {
        Assert.Equal(0, answer.ExitCode);
        Assert.Contains($"is the session of process {outside} (sleep)", Assert.Single(answer.Final!.Value.GetProperty("warnings").EnumerateArray()).GetString(), StringComparison.Ordinal);
    }

    /// <summary>A process in a session, by its name and, where given, its argument.</summary>
    private static int MemberOf(int session, string name, int? argument)
    {
        int found = 0;
        Wait.Until(
            () => (found = Processes().FirstOrDefault(pid => SessionOf(pid) == session && IsCommand(pid, name, argument))) != 0,
            () => $"no {name} in session {session}");
        return found;
    }

    private static int OrphanOf(string argument)
    {
        int found = 0;
        Wait.Until(() => (found = Processes().FirstOrDefault(pid => Proc.ReadText($"/proc/{pid}/cmdline") == $"sleep\0{argument}\0")) != 0, () => "no orphan");
        return found;
    }

    private static bool IsCommand(int pid, string name, int? argument) =>
        (Proc.ReadText($"/proc/{pid}/cmdline") ?? "").Split('\0') is [{ } command, { } first, ..]
        && Path.GetFileName(command) == name && (argument is null || first == $"{argument}");

    private static IEnumerable<int> Processes() =>
        Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(f => int.TryParse(f, out _)).Select(f => int.Parse(f!));

    private static int SessionOf(int pid) => Proc.Stat($"/proc/{pid}") is { } stat ? int.Parse(stat[6 - 3]) : 0;

    private static int GroupOf(int pid) => Proc.Stat($"/proc/{pid}") is { } stat ? int.Parse(stat[5 - 3]) : 0;

    private static string[] Lines(string path) => (Proc.ReadText(path) ?? "").Split('\n')[..^1];
}
