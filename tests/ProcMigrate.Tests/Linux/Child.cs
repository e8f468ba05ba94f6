using System.Diagnostics;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Tests.Linux;

/// <summary>A process of a test, killed with it.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;

    private Child(Process process) => _process = process;

    public int Pid => _process.Id;

    public static Child Start(string program, params IEnumerable<string> arguments) => new(Process.Start(
        new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!);

    /// <summary>A line that the program says, once it says one.</summary>
    public string ReadLine() => _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the program has ended");

    public void WriteLine(string text) => _process.StandardInput.WriteLine(text);

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
