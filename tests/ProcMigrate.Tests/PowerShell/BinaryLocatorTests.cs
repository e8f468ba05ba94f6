using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class BinaryLocatorTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();
    private readonly Dictionary<string, string> environment = [];

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void TheUsersWord_ComesFirst()
    {
        Make("module/linux-x64/procmigrate");
        environment["PROCMIGRATE"] = Make("wrapper");
        Assert.Equal(environment["PROCMIGRATE"], Find());
    }

    [Fact]
    public void TheModulesOwn_ComesBeforePath()
    {
        var own = Make("module/linux-x64/procmigrate");
        environment["PATH"] = Path.GetDirectoryName(Make("bin/procmigrate"))!;
        Assert.Equal(own, Find());
    }

    [Fact]
    public void Path_IsSearchedInOrder()
    {
        var first = Make("a/procmigrate");
        Make("b/procmigrate");
        environment["PATH"] = $"/nonexistent:{folder}/a:{folder}/b";
        Assert.Equal(first, Find());
    }

    [Fact]
    public void AWrongWordOfTheUser_IsNotPassedOver()
    {
        Make("module/linux-x64/procmigrate");
        environment["PROCMIGRATE"] = "/nonexistent/procmigrate";
        Assert.Contains("/nonexistent/procmigrate", Assert.Throws<FileNotFoundException>(Find).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void None_SaysWhereToPutIt() =>
        Assert.Contains("PROCMIGRATE", Assert.Throws<FileNotFoundException>(Find).Message, StringComparison.Ordinal);

    private string Find() => BinaryLocator.Find(Path.Combine(folder.FullName, "module"), name => environment.GetValueOrDefault(name));

    private string Make(string name)
    {
        var path = Path.Combine(folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        return path;
    }
}
