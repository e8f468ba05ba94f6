using System.Diagnostics;
using System.Text;

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
        var start = new ProcessStartInfo(binary)
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
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        process = new Process { StartInfo = start };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errorText)
                errorText.AppendLine(line.Data);
        };
    }

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
