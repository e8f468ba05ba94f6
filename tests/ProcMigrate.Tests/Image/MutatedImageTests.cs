using System.Text.Json;
using System.Text.Json.Nodes;
using ProcMigrate.Cli.Hosting;

namespace ProcMigrate.Tests.Image;

/// <summary>
/// Images with right checksums in which a single value is another, of another type or beyond its range: told as damage, or taken, never a fault of
/// the program; and nothing of it reaches a terminal but what can be printed. The images are those of tests/images, or of the folder that
/// PROCMIGRATE_CORPUS names; with PROCMIGRATE_LONG=1 each value at each place, else a few of them.
/// </summary>
public sealed class MutatedImageTests : IDisposable
{
    private const int Done = 0, Refused = 3, ImageUnreadable = 4;
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Images { get; } = [.. Directory.GetFiles(Corpus()).Where(path => path.EndsWith(".image", StringComparison.Ordinal) || path.EndsWith(".pmi", StringComparison.Ordinal)).Order()];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Images))]
    public void AnyValueChanged_IsDamageOrTaken(string image)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux restores");
        var original = new ForgedImage(image);
        (string Name, Action<JsonObject> Change)[] mutations = [.. JsonMutations.Of(JsonNode.Parse(original.Tree())!.AsObject(), _ => true)];
        bool all = Environment.GetEnvironmentVariable("PROCMIGRATE_LONG") == "1";
        int step = all ? 1 : Math.Max(1, mutations.Length / 150);
        var faults = new List<string>();
        for (int i = all ? 0 : 333 % step; i < mutations.Length; i += step)
        {
            JsonObject tree = JsonNode.Parse(original.Tree())!.AsObject();
            mutations[i].Change(tree);
            original.Save(folder.File("forged.pmi"), System.Text.Encoding.UTF8.GetBytes(tree.ToJsonString()));
            foreach (string verb in (string[])["check", "inspect", "inspect --detailed"])
                Look(mutations[i].Name, verb, faults);
        }
        Assert.True(faults.Count == 0, $"{faults.Count}:\n{string.Join('\n', faults)}");
    }

    private void Look(string name, string verb, List<string> faults)
    {
        (int code, string output) = Run([.. verb.Split(' '), folder.File("forged.pmi"), "--json"]);
        using JsonDocument line = JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]);
        string? id = line.RootElement.TryGetProperty("id", out JsonElement member) ? member.GetString() : null;
        if (id == "Unexpected" || code is not (Done or Refused or ImageUnreadable) || (code == ImageUnreadable) != (id is not null))
            faults.Add($"{name}: {verb}: exit code {code}: {output[..Math.Min(output.Length, 400)].TrimEnd()}");
        (_, string text) = Run([.. verb.Split(' '), folder.File("forged.pmi")]);
        if (text.Any(c => char.IsControl(c) && c != '\n'))
            faults.Add($"{name}: {verb}: a control character reaches the terminal");
    }

    private static (int Code, string Output) Run(string[] arguments)
    {
        using var output = new StringWriter();
        int code = new CommandLine(new LocalEngine(), new SshHosts(), new Terminal(output, output, animates: false)).Run(arguments);
        return (code, output.ToString());
    }

    private static string Corpus()
    {
        if (Environment.GetEnvironmentVariable("PROCMIGRATE_CORPUS") is { } given)
            return given;
        DirectoryInfo root = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "ProcMigrate.sln")))
            root = root.Parent ?? throw new InvalidOperationException("ProcMigrate.sln is in no folder above " + AppContext.BaseDirectory);
        return Path.Combine(root.FullName, "tests/images");
    }
}
