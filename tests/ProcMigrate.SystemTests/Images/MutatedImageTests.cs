using System.Text.Json.Nodes;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.SystemTests.Images;

/// <summary>
/// Images with right checksums in which a single value is another: told as damage, or taken; never a fault of the program. With
/// PROCMIGRATE_LONG=1 every value of every place, and restored in namespaces that end with the restore; else a few of them.
/// </summary>
public sealed class MutatedImageTests : SystemTest
{
    private const int Done = 0, Failed = 1, Refused = 3, ImageUnreadable = 4;

    /// <summary>One program for each group of kinds of objects; the first also for what every process has.</summary>
    public static TheoryData<string> Programs { get; } =
        ["threadstate", "signals", "files", "deleted", "pipes", "events", "ptys", "locks", "posixtimers", "sysvipc", "mqueue", "memsettings", "maps", "dispatch", "seccomp",
        "places", "unixsockets listeners", "unixsockets datagrams", "tcpsockets listening", "tcpsockets connections", "tcpsockets packets", "fanotify", "stops", "threadfolders"];

    [Theory]
    [MemberData(nameof(Programs))]
    public void AnyValueChanged_IsDamageOrTaken(string line)
    {
        string[] words = line.Split(' ');
        using ProgramUnderTest program = Start(words[0], words[1..]);
        Reaper.WatchDescendants(program.Pid);
        Binary.Save(program.Pid, Image);
        var original = new ForgedBundle(Image).Tree;
        // What all trees have is looked at with one of them.
        bool all = words[0] == Programs.First().Data.Split(' ')[0];
        bool Wanted(string place) => all || place.StartsWith(".objects[", StringComparison.Ordinal) || place.StartsWith(".processes[].aspects.", StringComparison.Ordinal);
        var mutations = JsonMutations.Of(original, Wanted).ToArray();
        Assert.NotEmpty(mutations);
        int step = Places.Long ? 1 : Math.Max(1, mutations.Length / 25), first = Places.Long ? 0 : 333 % step;
        var faults = new List<string>();
        for (int i = first; i < mutations.Length; i += step)
        {
            var forged = new ForgedBundle(Image);
            mutations[i].Change(forged.Tree);
            forged.Save(Folder["forged.pmi"]);
            faults.AddRange(Faults(mutations[i].Name, program.Pid));
        }
        Assert.True(faults.Count == 0, $"{faults.Count} of {mutations.Length / step}:\n{string.Join('\n', faults)}");
    }

    private List<string> Faults(string name, int pid)
    {
        var faults = new List<string>();
        Look("check", Binary.Run("check", Folder["forged.pmi"], "--json"), [Done, Refused, ImageUnreadable]);
        Look("inspect", Binary.Run("inspect", Folder["forged.pmi"], "--json", "--detailed"), [Done, ImageUnreadable]);
        Answer text = Binary.Run("inspect", Folder["forged.pmi"]);
        if ((text.Output + text.Error).Any(c => char.IsControl(c) && c is not '\n'))
            faults.Add($"{name}: inspect: control characters: {string.Concat((text.Output + text.Error).Where(c => char.IsControl(c) && c is not '\n').Distinct().Select(c => $"{(int)c:x} "))}");
        if (Places.Long)
        {
            Look("restore", Binary.RunAs(["unshare", "-pfmi", "--mount-proc", "--kill-child"], "restore", Folder["forged.pmi"], "--json"), [Done, Failed, Refused, ImageUnreadable, 6]);
            Assert.False(Proc.Exists(pid));
        }
        return faults;

        void Look(string verb, Answer answer, int[] codes)
        {
            if (!codes.Contains(answer.ExitCode) || answer.Final is null || answer.ErrorId == "Unexpected")
                faults.Add($"{name}: {verb}: exit code {answer.ExitCode}, {answer.ErrorId}: {answer.Message}");
            else if (answer.ExitCode == Failed && answer.ErrorId != "SystemCallFailed")
                faults.Add($"(note) {name}: {verb}: exit code {answer.ExitCode}, {answer.ErrorId}: {answer.Message}");
        }
    }
}
