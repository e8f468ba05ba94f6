using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Images;

/// <summary>Images that earlier versions have written: this one reads them, and what they hold runs and is right.</summary>
public sealed class OldImageTests : SystemTest
{
    // The programs have it in their memory.
    private const string Place = "/tmp/procmigrate-old-images";

    public static TheoryData<string> Images { get; } =
        [.. Directory.GetFiles(Path.Combine(Places.Root, "tests/images"), "*.image").Select(path => Path.GetFileName(path)!).Order()];

    [Theory]
    [MemberData(nameof(Images))]
    public void ImageOfAnEarlierVersion_IsRestored_AndItsProgramPasses(string name)
    {
        // Whoever may write to the working copy may write the image: the copy is root's.
        File.Copy(Path.Combine(Places.Root, "tests/images", name), Image);
        Directory.CreateDirectory(Place);
        try
        {
            File.WriteAllText($"{Place}/out", "READY\n");
            using TreeInNamespace tree = TreeInNamespace.Restore(Image, "--force", "--files", Folder["files"]);
            PidNamespaceTests.AssertPasses($"{Place}/out", tree, 1);
        }
        finally
        {
            Directory.Delete(Place, recursive: true);
        }
    }

    [Fact]
    public void ImagesOfEarlierVersions_AreThere() => Assert.True(Images.Count >= 4);
}
