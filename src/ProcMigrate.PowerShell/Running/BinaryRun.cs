using System.Diagnostics;
using System.Text;
using ProcMigrate.Image.Text;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.PowerShell.Running;

/// <summary>
/// One run of the binary: its lines are handed on as they come, its last one is the answer. Its stdin is a lifeline: when that
/// ends, because the user pressed Ctrl-C or because PowerShell died, it undoes what it began. (A signal could hit a stranger:
/// the runtime reaps children behind our back, and a pid that was reaped is anybody's.)
/// </summary>
internal sealed class BinaryRun : IRun
{
    /// <summary>Tells the binary that its stdin is a lifeline.</summary>
    private const string LifelineVariable = "PROCMIGRATE_LIFELINE";

    private const int FailedExitCode = 1;

    private readonly Process process;
    private readonly StringBuilder errorText = new();
    private readonly Lock gate = new();
    private bool started;
    private bool interrupted;

    /// <param name="workingFolder">PowerShell's location, which is not the process's.</param>
    public BinaryRun(string binary, IReadOnlyList<string> arguments, string workingFolder)
    {
        var (program, words) = Command(binary, arguments);
        var start = new ProcessStartInfo(program)
        {
            WorkingDirectory = workingFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            UseShellExecute = false,
        };
        start.Environment[LifelineVariable] = "1";
        foreach (var word in words)
            start.ArgumentList.Add(word);
        process = new Process { StartInfo = start };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errorText)
                errorText.AppendLine(line.Data);
        };
    }

    /// <summary>
    /// .NET hands on arguments as UTF-8, with U+FFFD for bytes of a name that are not: then a shell makes them from what is ASCII, and becomes the binary.
    /// </summary>
    private static (string Program, IReadOnlyList<string> Words) Command(string binary, IReadOnlyList<string> arguments) =>
        arguments.Any(NameText.NeedsEscape)
            ? ("/bin/sh", ["-c", PosixShell.SetParameters([binary, .. arguments]) + "exec \"$@\""])
            : (binary, arguments);

    /// <summary>Runs it to its end on this thread.</summary>
    /// <param name="onProgress">Called on this thread, as PowerShell wants its progress written.</param>
    /// <param name="onLine">Gets every line as it is.</param>
    public Answer Run(Action<Answer> onProgress, Action<string>? onLine = null)
    {
        if (!Start())
            return Answer.Error("Interrupted", FailedExitCode, "interrupted before it began");
        Answer? last = null;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            onLine?.Invoke(line);
            var answer = AnswerJson.TryRead(line);
            if (answer is { Event: "progress" })
                onProgress(answer);
            else if (answer is { Event: "result" or "error" })
                last = answer;
        }

        process.WaitForExit();
        return last ?? WithoutAnswer();
    }

    /// <summary>Asks it to undo what it began and end; callable from another thread, before, during and after the run.</summary>
    public void Interrupt()
    {
        lock (gate)
        {
            if (interrupted)
                return;
            interrupted = true;
            if (started)
                process.StandardInput.Close();
        }
    }

    public void Dispose() => process.Dispose();

    private bool Start()
    {
        lock (gate)
        {
            if (interrupted)
                return false;
            started = process.Start();
        }

        process.BeginErrorReadLine();
        return true;
    }

    private Answer WithoutAnswer()
    {
        string said;
        lock (errorText)
            said = errorText.ToString().Trim();
        return Answer.Error(
            "NoAnswer", process.ExitCode == 0 ? FailedExitCode : process.ExitCode,
            $"{process.StartInfo.FileName} ended with code {process.ExitCode} and gave no answer. {said}".TrimEnd());
    }
}
