using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>A test that types into a terminal and reads its screen.</summary>
public abstract class TerminalTest : ProgramTest
{
    private int _restoredAt;

    private protected string Screen => Proc.ReadText(Folder["screen"]) ?? "";

    private string Keys => Folder["keys"];

    private protected string AfterRestore() => Screen[_restoredAt..];

    private protected ProgramUnderTest StartOnPty(params string[] command)
    {
        Need(command[0]);
        // What is typed here is not to end up in the history of the user who runs the tests.
        ProgramUnderTest host = Run(
            ["/usr/bin/env", "HISTFILE=" + Folder["history"], Places.Program("ptyhost"), Folder["screen"], Keys, .. command]);
        Wait.Until(() => File.Exists(Keys) && Screen.Length > 0, () => "the terminal stays empty: " + host.Log);
        return host;
    }

    /// <summary>Types, and waits until the screen shows something new with a text in it.</summary>
    private protected void Type(string keys, string answer)
    {
        int before = Screen.Length;
        File.AppendAllText(Keys, keys);
        Wait.Until(() => Screen[before..].Contains(answer, StringComparison.Ordinal), () => $"no '{answer}' after '{keys}': {Screen[before..]}\nall of it: {Screen}");
    }

    private protected void SaveAndRestore(ProgramUnderTest host)
    {
        _restoredAt = Screen.Length;
        host.SaveAndRestoreChanging(Image);
    }

    /// <summary>The process of that name in the foreground of the terminal, once it is there.</summary>
    private protected static int AwaitForeground(ProgramUnderTest host, string name)
    {
        int found = 0;
        Wait.Until(
            () =>
            {
                string shell = (Proc.ReadText($"/proc/{host.Pid}/task/{host.Pid}/children") ?? "").Trim();
                // Field 8 of stat: the process group in the foreground.
                return Proc.Stat($"/proc/{shell}") is { } stat && int.TryParse(stat[8 - 3], out found) && found > 0
                    && Proc.ReadText($"/proc/{found}/comm")?.Trim() == name;
            },
            () => $"{name} does not come into the foreground");
        return found;
    }
}
