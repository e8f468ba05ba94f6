using System.Diagnostics;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Files;

/// <summary>
/// A mount namespace in which folders of this machine can be written to and the machine stays as it is (overlays over them): packages can be
/// upgraded there while their programs run.
/// </summary>
internal sealed class PrivateSystem : IDisposable
{
    private readonly Process _holder;

    private PrivateSystem(Process holder) => _holder = holder;

    /// <summary>What a command is run behind to be in there.</summary>
    internal string[] Inside => ["nsenter", $"--mount=/proc/{_holder.Id}/ns/mnt", "--"];

    internal static PrivateSystem Over(TempFolder folder, params string[] writable)
    {
        const string script = """
            set -e
            layers=$1; shift
            mount --make-rprivate /
            mount -t tmpfs none "$layers"
            for over; do
                mkdir "$layers/up${over##*/}" "$layers/work${over##*/}"
                mount -t overlay overlay -o "lowerdir=$over,upperdir=$layers/up${over##*/},workdir=$layers/work${over##*/}" "$over"
            done
            echo ready
            read end || true
            """;
        Directory.CreateDirectory(folder["layers"]);
        Process holder = Reaper.StartChild(new("unshare", ["-m", "sh", "-c", script, "sh", folder["layers"], .. writable])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        });
        string? line = holder.StandardOutput.ReadLine();
        if (line != "ready")
        {
            holder.WaitForExit();
            holder.Dispose();
            Assert.Skip("no overlay can be mounted here");
        }
        return new PrivateSystem(holder);
    }

    internal Tool.Result Run(params string[] command)
    {
        string[] line = [.. Inside, .. command];
        return Tool.Run(line[0], line[1..]);
    }

    internal void Do(params string[] command)
    {
        Tool.Result result = Run(command);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: {result.ExitCode} {result.Output}{result.Error}");
    }

    public void Dispose()
    {
        _holder.StandardInput.Close();
        _holder.WaitForExit();
        _holder.Dispose();
    }
}
