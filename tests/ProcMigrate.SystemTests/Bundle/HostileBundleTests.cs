using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Bundle;

/// <summary>
/// Bundles made by hand, with right checksums, that want out of their folder or more than they are due. Each is refused with a message, and
/// nothing is made: neither a file anywhere nor a process.
/// </summary>
public sealed class HostileBundleTests : BundleTest
{
    private const string Root = "/opt/hostile-bundle";

    private static readonly (string Name, Action<ForgedBundle> Change)[] Lies =
    [
        ("path with dots", f => Set(f, "/data", "path", "/usr/../etc/hostile")),
        ("path of dots only", f => Set(f, "/data", "path", "/..")),
        ("path that ends in dots", f => Set(f, "/data", "path", "/usr/..")),
        ("path with a single dot", f => Set(f, "/data", "path", "/usr/./hostile")),
        ("relative path", f => Set(f, "/data", "path", "usr/hostile")),
        ("relative path of dots", f => Set(f, "/data", "path", "../../../../etc/hostile")),
        ("empty path", f => Set(f, "/data", "path", "")),
        ("path of a slash", f => Set(f, "/data", "path", "/")),
        ("path of two slashes", f => Set(f, "/data", "path", "//")),
        ("double slash", f => Set(f, "/data", "path", "/usr//hostile")),
        ("slash at the end", f => Set(f, "/data", "path", "/usr/hostile/")),
        ("NUL in the path", f => Set(f, "/data", "path", "/usr/hos\0tile")),
        ("long name", f => Set(f, "/data", "path", "/usr/" + new string('x', 256))),
        ("long path", f => Set(f, "/data", "path", "/usr" + string.Concat(Enumerable.Repeat("/abcdefgh", 500)))),
        ("path is null", f => ForgedBundle.State(f.FileOf("/data"))["path"] = null),
        ("path is a number", f => ForgedBundle.State(f.FileOf("/data"))["path"] = 5),
        ("no path", f => ForgedBundle.State(f.FileOf("/data")).Remove("path")),
        ("same path twice", f => f.Add(f.FileOf("/data"), PathOf(f, "/data"))),
        ("file in no folder", f => f.Add(f.FileOf("/data"), Root + "/data")),
        ("file before its folder", f => f.Add(f.FileOf("/app"), PathOf(f, "/app") + "/early", f.FileOf("/app"))),
        ("file in a file", f => f.Add(f.FileOf("/data"), PathOf(f, "/table") + "/hostile")),
        ("file through a symbolic link", f =>
        {
            JsonObject link = f.Add(f.FileOf("/data"), "/hostile-link");
            (ForgedBundle.State(link)["type"], ForgedBundle.State(link)["target"], ForgedBundle.State(link)["size"]) = ("SymbolicLink", "/etc", 0);
            ForgedBundle.State(link).Remove("attributes");
            f.Add(f.FileOf("/data"), "/hostile-link/hostile");
        }),
        ("open file through a symbolic link", f => Link(f, "/data", "/etc/passwd")),
        ("folder that is a symbolic link", f => Link(f, "/app", "/etc")),
        ("symbolic link to nowhere", f => Link(f, "/data", null)),
        ("symbolic link with an empty target", f => Link(f, "/data", "")),
        ("symbolic link with NUL in its target", f => Link(f, "/data", "/etc\0/passwd")),
        ("target of a regular file", f => Set(f, "/data", "target", "/etc/passwd")),
        ("block device", f => Set(f, "/data", "type", "BlockDevice")),
        ("character device", f => Set(f, "/data", "type", "CharacterDevice")),
        ("socket", f => Set(f, "/data", "type", "Socket")),
        ("no type", f => Set(f, "/data", "type", "None")),
        ("type unheard of", f => Set(f, "/data", "type", "Wormhole")),
        ("type is a number", f => Set(f, "/data", "type", "24576")),
        ("mode beyond its bits", f => ForgedBundle.State(f.FileOf("/data"))["mode"] = 0x11ff),
        ("negative mode", f => ForgedBundle.State(f.FileOf("/data"))["mode"] = -1),
        ("negative size", f => ForgedBundle.State(f.FileOf("/data"))["size"] = -1),
        ("size above what a number holds", f => ForgedBundle.State(f.FileOf("/data"))["size"] = JsonNode.Parse("9223372036854775808")),
        ("content behind the end", f => ForgedBundle.State(f.FileOf("/table"))["size"] = 100),
        ("content far behind the end", f => f.ChangeData(f.FileOf("/table"), e => e with { Address = 1UL << 40 })),
        ("content that overflows", f => f.ChangeData(f.FileOf("/table"), e => e with { Address = long.MaxValue - 100 })),
        ("content of a folder", f => f.ChangeData(f.FileOf("/table"), e => e with { Owner = ForgedBundle.Id(f.FileOf("/app")) })),
        ("content of nobody", f => f.ChangeData(f.FileOf("/table"), e => e with { Owner = int.MaxValue })),
        ("folder with a size", f => ForgedBundle.State(f.FileOf("/app"))["size"] = 4096),
        ("hard link of nothing", f => LinkOf(f, "/data", int.MaxValue)),
        ("hard link of itself", f => LinkOf(f, "/data", ForgedBundle.Id(f.FileOf("/data")))),
        ("hard link of a folder", f => LinkOf(f, "/data", ForgedBundle.Id(f.FileOf("/app")))),
        ("hard link of an open file", f => LinkOf(f, "/data", ForgedBundle.Id(f.Use("/log")))),
        ("hard link of another size", f => LinkOf(f, "/data", ForgedBundle.Id(f.FileOf("/log")))),
        ("negative hard link", f => LinkOf(f, "/data", -1)),
        ("file capabilities", f => Attribute(f, "security.capability")),
        ("trusted attribute", f => Attribute(f, "trusted.overlay.redirect")),
        ("attribute without a name", f => Attribute(f, "")),
        ("attribute with NUL", f => Attribute(f, "user.x\0y")),
        ("attribute too long", f => Attribute(f, "user.x", 65537)),
        ("attribute without a value", f => ForgedBundle.State(f.FileOf("/data"))["attributes"] = new JsonArray("user.x")),
        ("attribute of no base 64", f => ForgedBundle.State(f.FileOf("/data"))["attributes"] = new JsonArray("user.x", "%")),
        ("attribute that is null", f => ForgedBundle.State(f.FileOf("/data"))["attributes"] = new JsonArray(null, null)),
        ("times out of range", f => ForgedBundle.State(f.FileOf("/data"))["modifiedNanoseconds"] = 1_000_000_000),
        ("open file of no bundled file", f => ForgedBundle.State(f.Use("/log"))["bundled"] = int.MaxValue),
        ("open file of a folder", f => ForgedBundle.State(f.Use("/log"))["bundled"] = ForgedBundle.Id(f.FileOf("/app"))),
        ("open file of an open file", f => ForgedBundle.State(f.Use("/log"))["bundled"] = ForgedBundle.Id(f.Use("/log"))),
        ("negative bundled file", f => ForgedBundle.State(f.Use("/log"))["bundled"] = -5),
        ("id of another object", f => f.FileOf("/data")["id"] = ForgedBundle.Id(f.FileOf("/table"))),
        ("id 0", f => f.FileOf("/data")["id"] = 0),
        ("state is a list", f => f.FileOf("/data")["state"] = new JsonArray()),
        ("state is null", f => f.FileOf("/data")["state"] = null),
    ];

    [Fact]
    public void ForgedBundles_AreRefused_AndLeaveNothing()
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image, "--bundle", "--exclude", "/usr/lib");
        string[] before = Outside();
        foreach ((string name, Action<ForgedBundle> change) in Lies)
        {
            var forged = new ForgedBundle(Image);
            change(forged);
            forged.Save(Folder["forged.pmi"]);
            foreach (string verb in (string[])["restore", "export"])
            {
                Answer answer = Binary.Run(verb, Folder["forged.pmi"], "--json", "--files", Files);
                Assert.True(answer.ExitCode is ImageUnreadable, $"{name}: {verb}: {answer}");
                TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {answer.Message}");
                Assert.True(answer.Message.Length is > 20 and < 5000 && !answer.Message.Any(char.IsControl), $"{name}: {answer}");
                Assert.False(Path.Exists(Files) || Path.Exists(Files + ".json"), $"{name}: files were made");
                Assert.False(Proc.Exists(program.Pid), $"{name}: a process was made");
            }
        }
        Assert.Equal(before, Outside());
        // The forger itself does not break what it does not touch.
        new ForgedBundle(Image).Save(Folder["forged.pmi"]);
        Binary.Restore(Folder["forged.pmi"], "--files", Files);
        program.AssertPasses();
    }

    [Fact]
    public void AlteredAtRandom_NothingGetsOut()
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image, "--bundle", "--exclude", "/usr");
        string[] before = Outside();
        var values = Gen.Elements<Func<JsonNode?>>(
            () => null, () => -1, () => 0, () => 1, () => int.MaxValue, () => 1e30, () => "", () => "/", () => "..", () => "/../hostile", () => "/etc/hostile",
            () => "SymbolicLink", () => "Directory", () => "Regular", () => "Fifo", () => new JsonArray(), () => new JsonObject(), () => true, () => "A\0B");
        Gen<(int Item, int Member, Func<JsonNode?> Value)> mutation =
            from item in Gen.Choose(0, int.MaxValue)
            from member in Gen.Choose(0, int.MaxValue)
            from value in values
            select (item, member, value);
        foreach (var changes in Gen.Sample(Gen.ListOf(mutation, 2), Places.Long ? 500 : 25))
        {
            var forged = new ForgedBundle(Image);
            JsonObject[] files = [.. forged.Objects.Select(o => o!.AsObject()).Where(o => o["kind"]!.GetValue<string>() == "bundled-file")];
            foreach (var (item, member, value) in changes)
            {
                if (files[item % files.Length]["state"] is JsonObject state)
                    state[state.ElementAt(member % state.Count).Key] = value();
            }
            forged.Save(Folder["forged.pmi"]);
            Answer answer = Binary.Run("export", Folder["forged.pmi"], "--json", "--files", Files);
            Assert.True(answer.ExitCode is 0 or ImageUnreadable, $"{forged.Objects.ToJsonString()}: {answer}");
            if (answer.ExitCode == 0)
                Directory.Delete(Files, recursive: true);
            Assert.False(Path.Exists(Files), "files were made");
            Assert.Equal(before, Outside());
        }
        Assert.False(Proc.Exists(program.Pid));
    }

    /// <summary>Folders that an image might want to get into.</summary>
    private string[] Outside() =>
        [.. ((string[])["/", "/etc", "/usr", "/opt", "/root", App]).SelectMany(folder => Directory.GetFileSystemEntries(folder)), .. Names(Folder.Path).Where(n => n.Contains("hostile", StringComparison.Ordinal))];

    private static void Set(ForgedBundle forged, string file, string member, string value) => ForgedBundle.State(forged.FileOf(file))[member] = value;

    private static string PathOf(ForgedBundle forged, string file) => ForgedBundle.State(forged.FileOf(file))["path"]!.GetValue<string>();

    private static void LinkOf(ForgedBundle forged, string file, int id) => ForgedBundle.State(forged.FileOf(file))["linkOf"] = id;

    private static void Link(ForgedBundle forged, string file, string? target)
    {
        JsonObject state = ForgedBundle.State(forged.FileOf(file));
        (state["type"], state["target"], state["size"]) = ("SymbolicLink", target, 0);
        state.Remove("attributes");
    }

    private static void Attribute(ForgedBundle forged, string name, int length = 4) =>
        ForgedBundle.State(forged.FileOf("/data"))["attributes"] = new JsonArray(name, Convert.ToBase64String(new byte[length]));
}
