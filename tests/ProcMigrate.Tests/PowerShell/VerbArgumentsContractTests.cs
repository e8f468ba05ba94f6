using System.CommandLine;
using ProcMigrate.Cli.Verbs;
using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

/// <summary>What the cmdlets build is what the binary's own parser takes: every option that they use is declared there.</summary>
public sealed class VerbArgumentsContractTests
{
    private static readonly HostLogin Login = new("u", 2222, "/k", ["ProxyJump=gate"]);

    private static readonly Place Far = new("n2", Login);

    [Fact]
    public void Save() => Accepts(
        new SaveVerb(),
        new VerbArguments("save").Option("--output", "x").Flag("--leave-running", true).Flag("--no-children", true)
            .Choice<ImageSaveMethod>("--method", ImageSaveMethod.Stop).Choice<ImageTcpPolicy>("--tcp", ImageTcpPolicy.Migrate)
            .Flag("--force", true).Argument(1).Argument(2));

    [Fact]
    public void SaveBundle() => Accepts(
        new SaveVerb(), new VerbArguments("save").Flag("--bundle", true).Options("--include", ["/a", "/b"]).Options("--exclude", ["/c"]).Argument(1));

    [Fact]
    public void RestoreBundle() => Accepts(
        new RestoreVerb(),
        new VerbArguments("restore").Flag("--pid-namespace", true).Option("--files", "/f").Flag("--same-names", true).Flag("--reuse-host-files", true)
            .Options("--map", ["/a=/b", "/c=/d"]).Choice<ImageFileChange>("--file-changed", ImageFileChange.Truncate).Argument("x"));

    [Fact]
    public void ExportFiles() => Accepts(new ExportVerb(), new VerbArguments("export").Option("--files", "/f").Argument("x"));

    [Fact]
    public void Migrate() => Accepts(
        new MigrateVerb(),
        new VerbArguments("migrate").Flag("--no-children", true).Choice<ImageSaveMethod>("--method", ImageSaveMethod.Stop)
            .Choice<ImageTcpPolicy>("--tcp", ImageTcpPolicy.Close).Flag("--bundle", true).Options("--include", ["/a"]).Flag("--keep-image", true)
            .Choice<ImageCompression>("--compress", ImageCompression.Lz4).Option("--stdio", "null").Flag("--pid-namespace", true)
            .Option("--files", "/f").Flag("--same-names", true).Flag("--reuse-host-files", true).Options("--map", ["/a=/b"])
            .Choice<ImageFileChange>("--file-changed", ImageFileChange.Accept).Flag("--force", true).With(Login).Argument(1).Argument("n2"));

    [Fact]
    public void Settle()
    {
        Accepts(new MigrateVerb(), new VerbArguments("migrate").Flag("--settle", true));
        Accepts(new MigrateVerb(), new VerbArguments("migrate").Option("--settle", "x"));
    }

    [Fact]
    public void SaveStopped() => Accepts(new SaveVerb(), new VerbArguments("save").Flag("--leave-stopped", true).Argument(1));

    [Fact]
    public void Send() => Accepts(
        new SendVerb(), new VerbArguments("send").Option("--to", "/d").With(Login).Argument("x").Argument("n2"));

    [Fact]
    public void Restore() => Accepts(
        new RestoreVerb(),
        new VerbArguments("restore").Option("--stdio", "null").Option("--terminal", "/x").Options("--only", [1, 2]).Flag("--wait", true).Flag("--leave-stopped", true).Flag("--force", true)
            .At(Far).Argument("x"));

    [Fact]
    public void Inspect() => Accepts(new InspectVerb(), new VerbArguments("inspect").Flag("--detailed", true).At(Far).Argument("x"));

    [Fact]
    public void Check() => Accepts(new CheckVerb(), new VerbArguments("check").At(Far).Argument("x"));

    [Fact]
    public void CheckOfAProcess() => Accepts(new CheckVerb(), new VerbArguments("check").Flag("--no-children", true).Argument(1));

    [Fact]
    public void Doctor() => Accepts(new DoctorVerb(), new VerbArguments("doctor").At(Far));

    [Fact]
    public void Export() =>
        Accepts(new ExportVerb(), new VerbArguments("export").Option("--core", "/x").Option("--pid", "7").Argument("x"));

    [Theory]
    [InlineData(ImageTcpPolicy.Refuse), InlineData(ImageTcpPolicy.Close), InlineData(ImageTcpPolicy.Migrate)]
    public void EveryTcpPolicy(ImageTcpPolicy policy) =>
        Accepts(new SaveVerb(), new VerbArguments("save").Choice<ImageTcpPolicy>("--tcp", policy).Argument(1));

    [Theory]
    [InlineData(ImageSaveMethod.Auto), InlineData(ImageSaveMethod.Stop)]
    public void EveryMethod(ImageSaveMethod method) =>
        Accepts(new SaveVerb(), new VerbArguments("save").Choice<ImageSaveMethod>("--method", method).Argument(1));

    private static void Accepts(Verb verb, VerbArguments arguments)
    {
        var root = new RootCommand();
        root.Add(CommonOptions.Json);
        root.Add(verb.Command);
        var line = root.Parse(arguments.Build());
        Assert.Empty(line.Errors);
        Assert.Same(verb.Command, line.CommandResult.Command);
    }
}
