using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Endings;

/// <summary>kill -9 of the command itself, right before any of its system calls.</summary>
public sealed class KilledTests : FamilyTest
{
    private static readonly string[] Kinds = ["shm", "msg"];

    [Fact]
    public void Save_Killed_NobodyIsHarmedAndNothingIsLeft()
    {
        var at = new AtCall(Folder, 20260131);
        using ProgramUnderTest family = Start("family");
        string[] save = ["save", $"{family.Pid}", "-o", Image, "--leave-running", "--json"];
        int calls = at.Count(save), harmless = 0;
        IReadOnlyList<string> names = Folder.Names;
        for (int attempt = 0; attempt < (Places.Long ? 1000 : 20); attempt++)
        {
            File.Delete(Image);
            int call = at.Any(calls);
            Answer answer = at.Signal(call, Native.SIGKILL, save);
            Assert.Equal(4, Living(Pids(family)));
            if (answer.ExitCode == 0 || File.Exists(Image))
                Assert.Equal(0, Binary.Run("inspect", Image, "--json").ExitCode);
            else
                harmless++;
            File.WriteAllText(Image, "");
            Assert.Equal(names, Folder.Names);
        }
        at.TellLongest();
        Assert.True(harmless > 0, "no save was killed before its end");
        Pass(family);
    }

    /// <summary>Also of what is not a process: a killed restore leaves it to the next one, or to doctor.</summary>
    [Fact]
    public void Restore_Killed_AllOrNothing()
    {
        var at = new AtCall(Folder, 20260132);
        using ProgramUnderTest family = Start("family", "sysv");
        int[] pids = Pids(family);
        string[] restore = ["restore", Image, "--json"];
        Binary.Save(family.Pid, Image, "--leave-running");
        Pass(family);
        int calls = at.Count(restore), nothing = 0, tries = Places.Long ? 500 : 30;
        for (int attempt = 0; attempt < tries; attempt++)
        {
            if (Proc.IsAlive(pids[0]))
                Pass(family);
            // Every other one where it is let go.
            int call = attempt % 2 == 0 ? at.Any(calls) : calls - 1 - attempt * 3 % 150;
            at.Signal(call, Native.SIGKILL, restore);
            int living = Living(pids);
            Assert.True(living is 0 or 4, $"call {call} of {calls}: {living} of 4 processes are left");
            Wait.Until(() => living == 4 || !pids.Any(Proc.Exists), () => "something is left");
            nothing += living == 0 ? 1 : 0;
            // Whoever stood by may be there for an instant yet, and keep the record locked.
            Wait.Until(() => Clean(at) == 0 && at.Records.Count == 0, () => "a record stays");
            Assert.True(living == 4 || Objects(pids[0]) == 0, $"call {call} of {calls}: System V objects are left:\n{Proc.ReadText("/proc/sysvipc/shm")}{Proc.ReadText("/proc/sysvipc/msg")}");
        }
        Assert.InRange(nothing, 1, tries);
        if (!Proc.IsAlive(pids[0]))
            Binary.Restore(Image);
        Pass(family);
    }

    private static int Clean(AtCall at) =>
        Binary.RunAs(["/usr/bin/env", $"XDG_STATE_HOME={at.State}"], "doctor", "--clean", "--json").ExitCode;

    private static int Objects(int root) => Kinds.Sum(kind =>
        (Proc.ReadText($"/proc/sysvipc/{kind}") ?? "").Split('\n').Count(line => line.TrimStart().StartsWith($"{0x60000000 | root} ", StringComparison.Ordinal)));
}
