using System.Diagnostics;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>Runs other people's tools to their end.</summary>
internal static class Tool
{
    internal readonly record struct Result(int ExitCode, string Output, string Error);

    internal static Result Run(string path, params string[] arguments)
    {
        using Process process = Reaper.StartChild(new(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Result(process.ExitCode, output, error.Result);
    }
}
