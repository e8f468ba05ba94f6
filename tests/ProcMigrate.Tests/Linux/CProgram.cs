using ProcMigrate.Tests.Image;

namespace ProcMigrate.Tests.Linux;

/// <summary>Small programs in C and assembly, made with the system's compiler and headers.</summary>
internal static class CProgram
{
    /// <summary>Compiles translation units and runs the program; its output in lines.</summary>
    public static string[] Run(params string[] units) => RunWithHint("", units);

    /// <param name="hint">What to do when the compiler refuses, said with its errors.</param>
    public static string[] RunWithHint(string hint, params string[] units)
    {
        using var folder = new TemporaryFolder();
        string program = Compile(folder, ["-O1"], hint, [.. units.Select((text, i) => ($"unit{i}.c", text))]);
        Tool.Result result = Tool.Run(program);
        Assert.True(result.ExitCode == 0, $"the program ended with {result.ExitCode}: {result.Output}{result.Error}");
        return result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <returns>The path of the program, inside the folder.</returns>
    public static string Compile(TemporaryFolder folder, string[] options, params (string Name, string Text)[] units) =>
        Compile(folder, options, "", units);

    private static string Compile(TemporaryFolder folder, string[] options, string hint, (string Name, string Text)[] units)
    {
        Tool.RequireOrSkip("gcc");
        foreach ((string name, string text) in units)
            File.WriteAllText(folder.File(name), text);
        string program = folder.File("program");
        Tool.Result result = Tool.Run("gcc", [.. options, "-w", "-o", program, .. units.Select(u => folder.File(u.Name))]);
        Assert.True(result.ExitCode == 0, result.Error + hint);
        return program;
    }
}
