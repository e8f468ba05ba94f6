using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>Devices that an adapter carries, where the machine has none with a stand-in.</summary>
public sealed class DeviceTests : SystemTest
{
    /// <summary>
    /// In mount and pid namespaces of its own (whose init, the shell, reaps what is saved, and takes all with it), where /dev is an overlay: a FUSE file over /dev/dsp answers the OSS calls. The program
    /// checks itself; the device's log shows that all was set anew after the first had let go.
    /// </summary>
    [Fact]
    public void SoundDevice_SavedAndRestored_IsSetAsBefore()
    {
        Assert.SkipUnless(File.Exists("/dev/fuse"), "no FUSE here");
        Tool.Result result = Tool.Run(
            "/usr/bin/unshare", "-m", "-p", "--fork", "--mount-proc", "/bin/sh", "-c", Script, Folder.Path, Places.Programs, Places.Binary);
        Assert.True(result.ExitCode == 0, $"exit code {result.ExitCode}\n{result.Output}\n{result.Error}\n{Proc.ReadText(Folder["log"])}");
        Assert.Equal("READY\nPASS\n", File.ReadAllText(Folder["out"]));
        string[] sessions = File.ReadAllText(Folder["dsp.log"]).Split("open\n", StringSplitOptions.RemoveEmptyEntries);
        const string Settings = "fragment 8000c\nformat 16\nchannels 2\nrate 44100\n";
        Assert.Equal(Settings + "close after 8192 bytes\n", sessions[0]);
        Assert.StartsWith(Settings, sessions[^1], StringComparison.Ordinal);
    }

    private const string Script = """
        set -e
        mkdir "$0/dev"; mount -t tmpfs none "$0/dev"; mkdir "$0/dev/upper" "$0/dev/work"
        mount -t overlay -o "lowerdir=/dev,upperdir=$0/dev/upper,workdir=$0/dev/work" none /dev
        touch /dev/dsp
        "$1/dspserver" /dev/dsp "$0/dsp.log" & server=$!
        while ! grep -q ' /dev/dsp fuse ' /proc/mounts; do kill -0 $server; sleep 0.05; done
        pid=$("$1/launch" "$0/log" "$0" "$1/sound" "$0/out")
        while ! grep -q READY "$0/out" 2>/dev/null; do kill -0 $pid; sleep 0.05; done
        "$2" save $pid -o "$0/image.pmi"
        "$2" restore "$0/image.pmi" --stdio null
        kill -USR1 $pid
        while [ "$(tail -1 "$0/out")" = READY ]; do kill -0 $pid; sleep 0.05; done
        """;
}
