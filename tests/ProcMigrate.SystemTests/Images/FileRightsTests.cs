using System.Text.Json.Nodes;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Images;

/// <summary>
/// A program of an ordinary user, restored by root from an image that claims more for the files that it makes: root's, with set-user-id
/// bits. None of them may become root's, nor let anybody become somebody.
/// </summary>
public sealed class FileRightsTests : SystemTest
{
    private const int User = 12345;
    private const int SetIds = 0xdff; // 06777

    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];

    // What of an object's state says whose a file is that a restore makes; of a regular file it is but compared.
    private static readonly string[] Kinds =
        ["deleted-file", "fifo", "pipe-buffer", "message-queue", "sysv-queue", "sysv-memory", "pty-master", "unix", "memfd", "shared-memory"];

    [Theory]
    [InlineData("deleted")]
    [InlineData("pipes")]
    [InlineData("ptys")]
    [InlineData("mqueue")]
    [InlineData("maps")]
    [InlineData("unixsockets", "listeners")]
    public void FilesClaimedForRoot_AreNotRoots(string name, params string[] arguments)
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, name, arguments);
        Reaper.WatchDescendants(program.Pid);
        Binary.Save(program.Pid, Image);
        var forged = new ForgedBundle(Image);
        int claims = 0;
        foreach (JsonObject item in forged.Objects.Select(o => o!.AsObject()))
        {
            if (Kinds.Any(kind => item["kind"]!.GetValue<string>().Contains(kind, StringComparison.Ordinal)))
                claims += Claim(item["state"]!);
        }
        Assert.NotEqual(0, claims);
        forged.Save(Image);
        Answer restored = Binary.Restore(Image);
        AssertNothingIsRoots(program.Pid, sockets: name == "unixsockets");
        Assert.True(restored.Output.Contains("belong to a number", StringComparison.Ordinal) || restored.Output.Contains("have lost theirs", StringComparison.Ordinal), restored.Output);
    }

    [Fact]
    public void SystemVObjectsClaimedForRoot_AreNotRoots()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, "sysvipc");
        Reaper.WatchDescendants(program.Pid);
        Binary.Save(program.Pid, Image);
        var forged = new ForgedBundle(Image);
        var ids = new List<string>();
        foreach (JsonObject item in forged.Objects.Select(o => o!.AsObject()).Where(o => o["kind"]!.GetValue<string>().StartsWith("sysv-", StringComparison.Ordinal)))
        {
            JsonObject state = ForgedBundle.State(item);
            (state["uid"], state["gid"]) = (0, 0);
            ids.Add($"{state["id"]}");
            string kind = item["kind"]!.GetValue<string>() == "sysv-memory" ? "-m" : state["kind"]!.GetValue<string>() == "msg" ? "-q" : "-s";
            // Those that still stand here are used as they are.
            Tool.Run("ipcrm", kind, $"{state["id"]}");
        }
        Assert.True(ids.Count >= 3, $"{ids.Count} objects");
        forged.Save(Image);
        Binary.Restore(Image);
        foreach (string table in (string[])["shm", "msg", "sem"])
        {
            string[] lines = File.ReadAllLines($"/proc/sysvipc/{table}");
            string[] head = lines[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (string[] row in lines.Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(row => ids.Contains(row[1])))
                Assert.NotEqual("0", row[Array.IndexOf(head, "uid")]);
        }
    }

    /// <summary>A user who has no right to make devices had none from a node that lost its name either, as far as anybody knows.</summary>
    [Fact]
    public void DeviceNode_IsNotMadeForAUser()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, "deleted");
        Binary.Save(program.Pid, Image);
        var forged = new ForgedBundle(Image);
        JsonObject state = ForgedBundle.State(forged.Objects.Select(o => o!.AsObject()).First(o =>
            o["kind"]!.GetValue<string>() == "deleted-file" && o["title"]!.GetValue<string>().EndsWith(".plain", StringComparison.Ordinal)));
        (state["type"], state["deviceMajor"], state["deviceMinor"], state["uid"], state["mode"]) = ("CharacterDevice", 1, 1, User, 0x1b6);
        forged.Save(Image);
        Answer refused = Binary.Run("restore", Image, "--json");
        Assert.True(refused.ExitCode == 3, refused.ToString());
        Assert.Contains(refused.Blockers, b => b.ToString().Contains("CAP_MKNOD", StringComparison.Ordinal));
        Assert.False(Proc.Exists(program.Pid));
    }

    /// <summary>The kernel sends signals of a file with the rights of whoever said to whom: here that is root.</summary>
    [Fact]
    public void SignalsOfAFile_GoToNobodyOutside()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, "pipes");
        Binary.Save(program.Pid, Image);
        var forged = new ForgedBundle(Image);
        JsonObject pipe = forged.Objects.Select(o => o!.AsObject()).First(o => o["kind"]!.GetValue<string>() == "pipe-end");
        pipe["signalOwner"] = new JsonObject { ["type"] = 1, ["pid"] = Environment.ProcessId, ["signal"] = Native.SIGKILL, ["async"] = true };
        forged.Save(Image);
        Answer refused = Binary.Run("restore", Image, "--json");
        Assert.True(refused is { ExitCode: 4, ErrorId: "ImageDamaged" }, refused.ToString());
        Assert.False(Proc.Exists(program.Pid));
    }

    /// <summary>Sets owner and mode wherever they stand, and tells in how many places.</summary>
    private static int Claim(JsonNode? node)
    {
        if (node is not JsonObject state)
            return 0;
        int claims = state.Select(member => member.Value).OfType<JsonObject>().Sum(Claim);
        if (state.ContainsKey("mode"))
        {
            state["mode"] = SetIds;
            claims++;
        }
        if (state.ContainsKey("uid"))
            (state["uid"], state["gid"]) = (0, 0);
        return claims;
    }

    private void AssertNothingIsRoots(int root, bool sockets)
    {
        int seen = 0;
        foreach (string line in Tool.Run("find", Folder.Path, "-type", "s", "-printf", "%U %m %p\n").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.False(line.StartsWith("0 ", StringComparison.Ordinal), line);
            seen++;
        }
        Assert.Equal(sockets, seen > 0);
        string[] mapped = [.. Directory.GetFiles($"/proc/{root}/map_files").Where(m => Proc.ReadLink(m)?.StartsWith("/memfd:", StringComparison.Ordinal) == true)];
        foreach (string fd in (string[])[.. Directory.GetFiles($"/proc/{root}/fd"), .. mapped])
        {
            string target = Proc.ReadLink(fd) ?? "";
            // Files that were there before are theirs whose they were.
            if (target.StartsWith('/') && !target.EndsWith(" (deleted)", StringComparison.Ordinal) && !target.StartsWith("/dev/pts/", StringComparison.Ordinal))
                continue;
            // One that has hung up is any that has; the image says nothing of it.
            if (target.StartsWith("/dev/pts/", StringComparison.Ordinal) && target.EndsWith(" (deleted)", StringComparison.Ordinal))
                continue;
            if (target.StartsWith("anon_inode:", StringComparison.Ordinal) || target.StartsWith("socket:", StringComparison.Ordinal))
                continue;
            string[] facts = Tool.Run("stat", "-L", "-c", "%u %a", fd).Output.Trim().Split(' ');
            int mode = Convert.ToInt32(facts[1], 8);
            bool shared = target.StartsWith("/memfd:", StringComparison.Ordinal) || target.StartsWith("/dev/zero", StringComparison.Ordinal);
            Assert.True(shared || facts[0] != "0", $"{fd} -> {target} belongs to root, mode {facts[1]}");
            Assert.True((mode & 0xc00) == 0 || facts[0] == $"{User}", $"{fd} -> {target} has mode {facts[1]}, owner {facts[0]}");
            seen++;
        }
        Assert.NotEqual(0, seen);
    }
}
