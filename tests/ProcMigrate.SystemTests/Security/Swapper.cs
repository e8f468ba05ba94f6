using System.Diagnostics;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>A folder with much in it, of which one sub folder becomes a link to somebody's files as soon as the first file is removed.</summary>
internal sealed class Swapper : IDisposable
{
    private const string Script = """
        import ctypes, os, sys
        libc = ctypes.CDLL(None, use_errno=True)
        folder, link, ready = (os.fsencode(a) for a in sys.argv[1:])
        names = os.listdir(folder)
        watch = libc.inotify_init()
        assert libc.inotify_add_watch(watch, folder + b"/" + names[0], 0x200) > 0 # IN_DELETE
        open(ready, "w").close()
        os.read(watch, 4096)
        sys.exit(0 if libc.renameat2(-100, folder + b"/" + names[-1], -100, link, 2) == 0 else 1) # RENAME_EXCHANGE
        """;

    private readonly Process process;
    private readonly string ready;

    internal Swapper(TempFolder place, string folder, string victim)
    {
        for (int i = 0; i < 400; i++)
        {
            string inside = Directory.CreateDirectory($"{folder}/d{i}").FullName;
            File.WriteAllText($"{inside}/a", "");
            File.WriteAllText($"{inside}/b", "");
        }
        string link = place["link"];
        if (Directory.Exists(link))
            Directory.Delete(link, recursive: new DirectoryInfo(link).LinkTarget is null);
        File.CreateSymbolicLink(link, victim);
        ready = place["ready"];
        File.Delete(ready);
        process = Reaper.StartChild(new("python3", ["-c", Script, folder, link, ready]));
        Wait.Until(() => File.Exists(ready), () => "nobody watches");
    }

    /// <summary>Whether it came in time.</summary>
    internal bool HasSwapped()
    {
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)), "nothing was removed");
        return process.ExitCode == 0;
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill();
        process.Dispose();
    }
}
