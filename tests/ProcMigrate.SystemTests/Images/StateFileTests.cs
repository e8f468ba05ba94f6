using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Images;

/// <summary>What an earlier run has left in the user's state folder is no reason to fail, whatever has become of it.</summary>
public sealed class StateFileTests : SystemTest
{
    private string State => Folder["state"];

    private string Restored => Path.Combine(State, "procmigrate/restored");

    public static TheoryData<string> Remains =>
    [
        "half", "id only", "id and space", "no id", "a million lines", "binary", "empty", "escape sequences", "fifo", "folder", "link", "dangling link",
        "another user's", "endless",
    ];

    [Theory]
    [MemberData(nameof(Remains))]
    public void WhatIsLeftOfTheJournal_IsNoReasonToFail(string what)
    {
        using ProgramUnderTest program = Start("threadstate");
        string id = Binary.Save(program.Pid, Image).Final!.Value.GetProperty("image").GetProperty("id").GetString()!;
        Directory.CreateDirectory(Path.GetDirectoryName(Restored)!);
        File.WriteAllText(Folder["other"], "precious\n");
        Make(what, id);
        Answer restored = Binary.RunAs(["env", $"XDG_STATE_HOME={State}"], "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{what}: {restored}");
        Assert.DoesNotContain("\\u001B", restored.Output, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("precious\n", File.ReadAllText(Folder["other"]));
        program.AssertPasses();
    }

    /// <summary>Each restore is noted, in a file for its user alone; a second one is told of the first.</summary>
    [Fact]
    public void Restores_AreNoted_AndToldOf()
    {
        using ProgramUnderTest program = Start("threadstate");
        string id = Binary.Save(program.Pid, Image).Final!.Value.GetProperty("image").GetProperty("id").GetString()!;
        Directory.CreateDirectory(Path.GetDirectoryName(Restored)!);
        File.WriteAllText(Restored, $"{Guid.NewGuid()} 2026-11-29 04:00:00, pid 7\n{id} 2026-1");
        Assert.Equal(0, Binary.RunAs(["env", $"XDG_STATE_HOME={State}"], "restore", Image, "--json").ExitCode);
        string[] lines = File.ReadAllLines(Restored);
        Assert.Equal(2, lines.Length);
        Assert.Matches($"^{id} \\d{{4}}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d, pid {program.Pid}$", lines[1]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Restored));
        Assert.Equal([Restored], Directory.GetFiles(Path.GetDirectoryName(Restored)!));
        Answer again = Binary.RunAs(["env", $"XDG_STATE_HOME={State}"], "restore", Image, "--json");
        Assert.True(again.ExitCode == 3, again.ToString());
        program.AssertPasses();
        again = Binary.RunAs(["env", $"XDG_STATE_HOME={State}"], "restore", Image, "--json");
        Assert.Contains(lines[1][(id.Length + 1)..], again.Output, StringComparison.Ordinal);
    }

    private void Make(string what, string id)
    {
        switch (what)
        {
            case "half": File.WriteAllText(Restored, $"{id} 2026-11"); break;
            case "id only": File.WriteAllText(Restored, id); break;
            case "id and space": File.WriteAllText(Restored, $"{id} \n"); break;
            case "no id": File.WriteAllText(Restored, "2026-11-29 04:00:00, pid 7\n"); break;
            case "a million lines": File.WriteAllText(Restored, string.Concat(Enumerable.Repeat($"{id} x\n", 1_000_000))); break;
            case "binary": File.WriteAllBytes(Restored, [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))]); break;
            case "empty": File.WriteAllText(Restored, ""); break;
            case "escape sequences": File.WriteAllText(Restored, $"{id} \e]0;hostile\a\n"); break;
            case "fifo": Tool.Run("mkfifo", Restored); break;
            case "folder": Directory.CreateDirectory(Restored); break;
            case "link": File.CreateSymbolicLink(Restored, Folder["other"]); break;
            case "dangling link": File.CreateSymbolicLink(Restored, Folder["new"]); break;
            case "another user's": File.WriteAllText(Restored, $"{id} 2026-11-29 04:00:00, pid 7\n"); Assert.Equal(0, Native.ChangeOwner(Restored, 12345, 12345)); break;
            case "endless": File.CreateSymbolicLink(Restored, "/dev/zero"); break;
            default: throw new ArgumentException(what);
        }
    }
}
