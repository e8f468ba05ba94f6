using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Files;

/// <summary>Open files that are known by another name than the one they were opened by.</summary>
public sealed class FileNameTests : SystemTest
{
    [Fact]
    public void Files_WithOtherNames_AreOpenedByThose()
    {
        using ProgramUnderTest program = Start("names");
        Answer refused = Binary.Run("save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(refused.ExitCode == 3, $"{refused}");
        JsonElement blocker = Assert.Single(refused.Blockers);
        Assert.Equal("LinkedElsewhere", blocker.GetProperty("id").GetString());
        // The remedy, followed.
        Assert.Equal(0, Tool.Run("ln", Folder["out.elsewhere/kept"], blocker.GetProperty("what").GetString()!).ExitCode);
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        File.Delete(Folder["out.lib.dpkg-tmp"]);
        Binary.Restore(Image);
        program.AssertRuns();
        Binary.Save(program.Pid, Folder["second.pmi"]);
        Binary.Restore(Folder["second.pmi"]);
        program.AssertPasses();
    }

    /// <summary>The other name is gone when the image comes alive.</summary>
    [Fact]
    public void File_WhoseOtherNameIsGone_IsMissedByThatName()
    {
        using ProgramUnderTest program = Start("names");
        File.Delete(Folder["out.elsewhere/kept"]);
        Binary.Save(program.Pid, Image);
        File.Move(Folder["out.conf~"], Folder["moved"]);
        Answer refused = Binary.Run("restore", Image, "--json");
        Assert.True(refused.ExitCode == 3, $"{refused}");
        JsonElement blocker = Assert.Single(refused.Blockers);
        Assert.Equal(("FileMissing", Folder["out.conf~"]), (blocker.GetProperty("id").GetString()!, blocker.GetProperty("what").GetString()!));
        File.Move(Folder["moved"], Folder["out.conf~"]);
        Binary.Restore(Image);
        program.AssertRuns();
    }
}
