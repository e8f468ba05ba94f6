using System.CommandLine;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.Tests.PowerShell;

/// <summary>
/// What the cmdlets build is what the binary's own parser takes, and nothing that it takes is forgotten. That the cmdlets' parameters
/// lead to these lines is shown by tests/Pester/Contract.Tests.ps1.
/// </summary>
public sealed class VerbArgumentsContractTests
{
    private static readonly HostLogin Login = new("u", 2222, "/k", ["ProxyJump=gate"]);

    private static readonly Place Far = new("n2", Login);

    private static readonly Dictionary<string, VerbArguments> Lines = new()
    {
        ["save"] = new VerbArguments("save")
            .Option("--output", "x").Flag("--leave-running", true).Flag("--no-children", true)
            .Choice<ImageSaveMethod>("--method", ImageSaveMethod.Stop).Choice<ImageTcpPolicy>("--tcp", ImageTcpPolicy.Migrate)
            .Choice<ImageCompression>("--compress", ImageCompression.Lz4).Option("--terminal", "/t").Flag("--force", true).Argument(1).Argument(2),
        ["save, stopped"] = new VerbArguments("save").Flag("--leave-stopped", true).Argument(1),
        ["save, bundle"] = new VerbArguments("save").Bundle(true, ["/a", "/b"], ["/c"]).Argument(1),
        ["restore"] = new VerbArguments("restore")
            .Option("--stdio", "null").Option("--terminal", "/x").Options("--only", [1, 2]).Flag("--wait", true).Flag("--leave-stopped", true)
            .Flag("--force", true).Flag("--trust", true).At(Far).Argument("x"),
        ["restore, bundle"] = new VerbArguments("restore")
            .Flag("--pid-namespace", true).Option("--files", "/f").Flag("--same-names", true).Flag("--reuse-host-files", true)
            .Options("--map", ["/a=/b", "/c=/d"]).Choice<ImageFileChange>("--file-changed", ImageFileChange.Truncate).Argument("x"),
        ["inspect"] = new VerbArguments("inspect").Flag("--detailed", true).At(Far).Argument("x"),
        ["check, image"] = new VerbArguments("check")
            .Options("--only", [1]).Flag("--pid-namespace", true).Option("--files", "/f").Flag("--same-names", true).Flag("--reuse-host-files", true)
            .Options("--map", ["/a=/b"]).Choice<ImageFileChange>("--file-changed", ImageFileChange.Accept).Flag("--force", true).Flag("--trust", true).At(Far).Argument("x"),
        ["check, process"] = new VerbArguments("check")
            .Flag("--no-children", true).Tcp(ImageTcpPolicy.Migrate).Bundle(false, ["/a"], ["/b"]).Argument(1),
        ["send"] = new VerbArguments("send")
            .Option("--to", "/d").Choice<ImageCompression>("--compress", ImageCompression.None).With(Login).Argument("x").Argument("n2"),
        ["migrate"] = new VerbArguments("migrate")
            .Flag("--no-children", true).Choice<ImageSaveMethod>("--method", ImageSaveMethod.Stop)
            .Choice<ImageTcpPolicy>("--tcp", ImageTcpPolicy.Close).Bundle(true, ["/a"], ["/b"]).Flag("--keep-image", true)
            .Choice<ImageCompression>("--compress", ImageCompression.Lz4).Option("--stdio", "null").Option("--terminal", "/t")
            .Flag("--leave-stopped", true).Flag("--pid-namespace", true).Option("--files", "/f").Flag("--same-names", true)
            .Flag("--reuse-host-files", true).Options("--map", ["/a=/b"]).Choice<ImageFileChange>("--file-changed", ImageFileChange.Accept)
            .Flag("--force", true).With(Login).Argument(1).Argument("n2"),
        ["migrate, settle all"] = new VerbArguments("migrate").Flag("--settle", true),
        ["migrate, settle one"] = new VerbArguments("migrate").Option("--settle", "x"),
        ["export"] = new VerbArguments("export").Option("--core", "/x").Option("--pid", "7").Argument("x"),
        ["export, files"] = new VerbArguments("export").Option("--files", "/f").Argument("x"),
        ["doctor"] = new VerbArguments("doctor").At(Far),
    };

    /// <summary>The cmdlets speak with the far side of receive themselves.</summary>
    private static readonly string[] NotRun = ["receive"];

    public static TheoryData<string> Names => [.. Lines.Keys];

    [Theory, MemberData(nameof(Names))]
    public void IsTakenByTheParser(string name)
    {
        var line = Parse(Lines[name]);
        Assert.Empty(line.Errors);
        Assert.Equal(name.Split(',')[0], line.CommandResult.Command.Name);
    }

    [Fact]
    public void NoOptionOfTheBinaryIsForgotten()
    {
        var given = Lines.Values.Select(Parse).SelectMany(line =>
            line.CommandResult.Children.OfType<System.CommandLine.Parsing.OptionResult>().Where(option => !option.Implicit)
                .Select(option => $"{line.CommandResult.Command.Name} {option.Option.Name}"));
        var declared = Root().Subcommands.Where(verb => !NotRun.Contains(verb.Name)).SelectMany(verb =>
            verb.Options.Where(option => !option.Hidden).Select(option => $"{verb.Name} {option.Name}"));
        // What killed restores have left the next restore removes by itself, also a cmdlet's.
        Assert.Empty(declared.Except(given).Except(["doctor --clean"]).Except(Root().Subcommands.Select(verb => $"{verb.Name} --help")));
    }

    [Theory]
    [InlineData(ImageTcpPolicy.Refuse), InlineData(ImageTcpPolicy.Close), InlineData(ImageTcpPolicy.Migrate)]
    public void EveryTcpPolicy(ImageTcpPolicy policy) => Accepts(new VerbArguments("save").Choice<ImageTcpPolicy>("--tcp", policy).Argument(1));

    [Theory]
    [InlineData(ImageSaveMethod.Auto), InlineData(ImageSaveMethod.Stop)]
    public void EveryMethod(ImageSaveMethod method) => Accepts(new VerbArguments("save").Choice<ImageSaveMethod>("--method", method).Argument(1));

    [Theory]
    [InlineData(ImageFileChange.Refuse), InlineData(ImageFileChange.Accept), InlineData(ImageFileChange.Truncate)]
    public void EveryFileChange(ImageFileChange change) =>
        Accepts(new VerbArguments("restore").Choice<ImageFileChange>("--file-changed", change).Argument("x"));

    [Theory]
    [InlineData(ImageCompression.Auto), InlineData(ImageCompression.Lz4), InlineData(ImageCompression.None)]
    public void EveryCompressionOfWhatIsSent(ImageCompression compression) =>
        Accepts(new VerbArguments("send").Choice<ImageCompression>("--compress", compression).Argument("x").Argument("n2"));

    [Theory]
    [InlineData(ImageCompression.Lz4), InlineData(ImageCompression.None)]
    public void EveryCompressionOfAFile(ImageCompression compression) =>
        Accepts(new VerbArguments("save").Choice<ImageCompression>("--compress", compression).Argument(1));

    [Fact]
    public void AFileIsNotCompressedByMeasuring() =>
        Assert.NotEmpty(Parse(new VerbArguments("save").Choice<ImageCompression>("--compress", ImageCompression.Auto).Argument(1)).Errors);

    private static void Accepts(VerbArguments arguments) => Assert.Empty(Parse(arguments).Errors);

    private static ParseResult Parse(VerbArguments arguments) => Root().Parse(arguments.Build());

    private static RootCommand Root() =>
        new CommandLine(new LocalEngine(), new SshHosts(), new Terminal(TextWriter.Null, TextWriter.Null, animates: false)).Root;
}
