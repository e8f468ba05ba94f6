using System.Diagnostics;
using System.Text.Json;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>Runs procmigrate as its users do.</summary>
internal static class Binary
{
    internal static Answer Run(params string[] arguments) => RunAs([], arguments);

    /// <summary>Runs it behind a command such as setpriv, which ends in executing it.</summary>
    internal static Answer RunAs(string[] prefix, params string[] arguments)
    {
        using Running running = Start(prefix, arguments);
        return running.Finish();
    }

    /// <summary>Runs a copy of it, or whatever else answers as it does.</summary>
    internal static Answer RunThis(string[] command)
    {
        using var running = new Running(command);
        return running.Finish();
    }

    internal static Running Start(string[] prefix, params string[] arguments) => new([.. prefix, Places.Binary, .. arguments]);

    /// <summary>Saves and insists that it went well.</summary>
    internal static Answer Save(int pid, string image, params string[] more)
    {
        Answer answer = Run(["save", $"{pid}", "-o", image, "--json", .. more]);
        Assert.True(answer.ExitCode == 0, $"save {pid} {string.Join(' ', more)}: {answer}");
        Assert.True(File.Exists(image), "save said that it went well, and there is no image");
        return answer;
    }

    /// <summary>Restores and insists that it went well.</summary>
    internal static Answer Restore(string image, params string[] more)
    {
        Answer answer = Run(["restore", image, "--json", .. more]);
        Assert.True(answer.ExitCode == 0, $"restore {string.Join(' ', more)}: {answer}");
        return answer;
    }

    /// <summary>A run under way. Its output goes to files: a pipe that leaked into a restored program would never end.</summary>
    internal sealed class Running : IDisposable
    {
        private readonly TempFolder folder = new();
        private readonly Process process;

        internal Running(string[] command)
        {
            const string script = "exec \"$@\" >\"$0/out\" 2>\"$0/err\" </dev/null";
            process = Reaper.StartChild(new("/bin/sh", ["-c", script, folder.Path, .. command]));
        }

        internal int Pid => process.Id;

        internal bool HasEnded => process.HasExited;

        internal string OutputSoFar => Proc.ReadText(folder["out"]) ?? "";

        internal void Signal(int signal)
        {
            // The Process still holds its zombie, so that the pid can be nobody else's.
            if (!process.HasExited)
                _ = Native.Kill(process.Id, signal);
        }

        internal Answer Finish()
        {
            if (!process.WaitForExit(TimeSpan.FromMinutes(3)))
            {
                process.Kill();
                throw new TimeoutException($"procmigrate hangs:\n{OutputSoFar}{Proc.ReadText(folder["err"])}");
            }
            string output = OutputSoFar;
            return new Answer(process.ExitCode, output, Proc.ReadText(folder["err"]) ?? "", FinalObject(output));
        }

        public void Dispose()
        {
            if (!process.HasExited)
            {
                process.Kill();
                process.WaitForExit();
            }
            process.Dispose();
            folder.Dispose();
        }

        private static JsonElement? FinalObject(string output)
        {
            string? last = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault();
            if (last is null || !last.StartsWith('{'))
                return null;
            using JsonDocument document = JsonDocument.Parse(last);
            return document.RootElement.Clone();
        }
    }
}
