using System.Diagnostics;

namespace ProcMigrate.Tests.Remote;

/// <summary>A local shell that plays the far one.</summary>
internal static class ShellRun
{
    /// <summary>Runs <c>SHELL -c COMMAND</c> with these bytes as its standard input.</summary>
    public static (string Output, string Errors, int ExitCode) Run(
        string shell, string command, byte[] input, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(shell, ["-c", command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        try
        {
            process.StandardInput.BaseStream.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all.
        }
        process.WaitForExit();
        return (output.Result, errors.Result, process.ExitCode);
    }
}
