using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Names;

/// <summary>
/// A binary with cap_checkpoint_restore (setcap), run by a user without privileges: his programs come back under their old pids, and nothing
/// that runs for him gets the capability.
/// </summary>
public sealed class FileCapabilityTests : SystemTest
{
    private const int User = 12345;
    private const int CapCheckpointRestore = 40;
    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];
    private readonly string binary;

    public FileCapabilityTests()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        binary = Folder["procmigrate"];
        File.Copy(Places.Binary, binary);
        // struct vfs_cap_data of linux/capability.h, as setcap cap_checkpoint_restore+ep writes it.
        string script = "import os, struct, sys; os.setxattr(sys.argv[1], 'security.capability', struct.pack('<IIIII', 0x02000001, 0, 0, 1 << 8, 0))";
        Tool.Result set = Tool.Run("python3", "-c", script, binary);
        Assert.SkipUnless(set.ExitCode == 0, "this file system has no file capabilities: " + set.Error);
        Answer doctor = Run("doctor", "--json");
        Assert.SkipUnless(
            doctor.Output.Contains("\"topic\":\"CAP_CHECKPOINT_RESTORE\",\"available\":true", StringComparison.Ordinal), "file capabilities have no effect here");
    }

    public static TheoryData<string> Programs { get; } = ["threadstate", "signals", "files", "shared", "pipes", "posixtimers", "cow", "stops"];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_ComesBackUnderItsPid_WithoutTheCapability(string name)
    {
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, name);
        Reaper.WatchDescendants(program.Pid);
        Check(Run("save", $"{program.Pid}", "-o", Image, "--json"));
        program.AssertGone();
        Assert.Equal(program.Pid, Check(Run("restore", Image, "--json")).Final!.Value.GetProperty("pid").GetInt32());
        string status = Proc.ReadText($"/proc/{program.Pid}/status")!;
        Assert.Contains($"Uid:\t{User}\t{User}\t{User}\t{User}", status, StringComparison.Ordinal);
        foreach (string set in (string[])["CapInh", "CapPrm", "CapEff", "CapAmb"])
            Assert.Contains($"{set}:\t0000000000000000", status, StringComparison.Ordinal);
        program.AssertPasses();
    }

    [Fact]
    public void PidNamespace_GoesOnWorking()
    {
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, "threadstate");
        Check(Run("save", $"{program.Pid}", "-o", Image, "--json"));
        using TreeInNamespace tree = TreeInNamespace.Of(Check(Run("restore", Image, "--pid-namespace", "--json")));
        Assert.Contains("CapPrm:\t0000000000000000", Proc.ReadText($"/proc/{tree.Pid}/status"), StringComparison.Ordinal);
        PidNamespaceTests.AssertPasses(program.OutPath, tree, 1);
    }

    /// <summary>The binary's capability is not its user's to give to a program.</summary>
    [Fact]
    public void ImageOfAProgramThatHadIt_IsRefused()
    {
        string[] prefix = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=+checkpoint_restore", "--ambient-caps=+checkpoint_restore"];
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(prefix, Folder, "threadstate");
        Assert.Contains("CapPrm:\t0000010000000000", Proc.ReadText($"/proc/{program.Pid}/status"), StringComparison.Ordinal);
        Binary.Save(program.Pid, Image);
        Assert.Equal(0, Native.ChangeOwner(Image, User, User));
        Answer refused = Run("restore", Image, "--json");
        Assert.Equal(3, refused.ExitCode);
        JsonElement blocker = Assert.Single(refused.Blockers);
        Assert.Equal("CredentialsNotAllowed", blocker.GetProperty("id").GetString());
        Assert.Contains($"{1UL << CapCheckpointRestore:x}", blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        Binary.Restore(Image, "--trust");
        program.AssertPasses();
    }

    /// <summary>ssh runs what its user's configuration says: it must have no more rights than he.</summary>
    [Fact]
    public void Ssh_GetsNothingOfIt()
    {
        string tools = Folder["tools"];
        Directory.CreateDirectory(tools);
        File.WriteAllText(tools + "/ssh", $"#!/bin/sh\ncat /proc/self/status >{Folder["seen"]}\nexit 255\n");
        Assert.Equal(0, Tool.Run("chmod", "755", tools + "/ssh").ExitCode);
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, "threadstate");
        Answer failed = Binary.RunThis([.. AsUser, "env", $"HOME={Folder.Path}", $"PATH={tools}:{Environment.GetEnvironmentVariable("PATH")}", binary, "migrate", $"{program.Pid}", "elsewhere", "--json"]);
        Assert.Equal(5, failed.ExitCode);
        string seen = File.ReadAllText(Folder["seen"]);
        foreach (string set in (string[])["CapInh", "CapPrm", "CapEff", "CapAmb"])
            Assert.Contains($"{set}:\t0000000000000000", seen, StringComparison.Ordinal);
        program.AssertPasses();
    }

    private Answer Run(params string[] arguments) => Binary.RunThis([.. AsUser, "env", $"HOME={Folder.Path}", binary, .. arguments]);

    private static Answer Check(Answer answer)
    {
        Assert.True(answer.ExitCode == 0, $"{answer}");
        return answer;
    }
}
