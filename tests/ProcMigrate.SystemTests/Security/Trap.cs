using System.Text;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>A folder with a program and libraries that write down with what rights somebody runs them.</summary>
internal sealed class Trap
{
    internal const int User = 12345;

    internal static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];

    private const string LibraryFolder = "/lib/x86_64-linux-gnu";
    private readonly string place;

    internal Trap(string place)
    {
        this.place = Directory.CreateDirectory(place, (UnixFileMode)0x1ff).FullName;
        Open(place);
        foreach (string folder in (string[])["libraries", "etc"])
            Open(Directory.CreateDirectory($"{place}/{folder}").FullName);
        Plant("planted", "planted");
        Plant("preloaded.so", "preloaded.so");
        Plant("replaced.so", "libraries/libm.so.6");
        File.Copy($"{LibraryFolder}/libm.so.6", $"{place}/libraries/libtrue.so");
        foreach (string name in (string[])["libc.so.6", "ld-linux-x86-64.so.2"])
            File.Copy($"{LibraryFolder}/{name}", $"{place}/libraries/{name}");
        File.WriteAllText($"{place}/etc/ld.so.preload", $"{place}/preloaded.so\n");
        // As udev makes it, for everybody, where there is none.
        Assert.Equal(0, Tool.Run("mknod", "-m", "666", $"{place}/fuse", "c", "10", "229").ExitCode);
    }

    internal string Place => place;

    /// <summary>What has been run: nothing, if all is well.</summary>
    internal string Record => Proc.ReadText($"{place}/record") is { } text ? $"{text}file of uid {Tool.Run("stat", "-c", "%u", $"{place}/record").Output}" : "";

    internal static void Open(string path) => File.SetUnixFileMode(path, (UnixFileMode)0x1ff); // 0777

    /// <summary>Puts the record's path into a copy.</summary>
    private void Plant(string program, string name)
    {
        byte[] bytes = File.ReadAllBytes(Places.Program(program));
        int at = bytes.AsSpan().IndexOf("@RECORD@"u8);
        Assert.True(at > 0, $"{program} has no room for the record's path");
        byte[] path = Encoding.UTF8.GetBytes($"{place}/record\0");
        path.CopyTo(bytes, at);
        File.WriteAllBytes($"{place}/{name}", bytes);
        Open($"{place}/{name}");
    }
}
