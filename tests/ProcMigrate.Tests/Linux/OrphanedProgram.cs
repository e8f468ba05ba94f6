using System.Globalization;

namespace ProcMigrate.Tests.Linux;

/// <summary>
/// A program to be traced. It is no child of ours, but of a shell: .NET waits for the children that it has started itself,
/// whatever they report, and would take their ptrace stops away from the tracing thread.
/// </summary>
internal sealed class OrphanedProgram : IDisposable
{
    private readonly Child _shell;

    public OrphanedProgram(string program, params string[] arguments)
    {
        // In the background a shell gives its children no standard input, so it goes by another number.
        const string Background = """exec 3<&0; sh -c 'echo $$; exec "$@" <&3' sh "$@" & wait""";
        _shell = Child.Start("sh", ["-c", Background, "sh", program, .. arguments]);
        Pid = int.Parse(_shell.ReadLine(), CultureInfo.InvariantCulture);
    }

    public int Pid { get; }

    public string ReadLine() => _shell.ReadLine();

    public void WriteLine(string text) => _shell.WriteLine(text);

    public void Dispose()
    {
        try
        {
            System.Diagnostics.Process.GetProcessById(Pid).Kill();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }
        _shell.Dispose();
    }
}
