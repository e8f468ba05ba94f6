using System.Text.Json;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>A tree that restore --pid-namespace has made, with the init that it got.</summary>
internal sealed class TreeInNamespace : IDisposable
{
    private TreeInNamespace(int pid, int innerPid)
    {
        (Pid, InnerPid) = (pid, innerPid);
        Init = int.Parse(Proc.Stat($"/proc/{pid}")![1]);
        Assert.Equal("/memfd:procmigrate-init (deleted)", Proc.ReadLink($"/proc/{Init}/exe"));
        Reaper.Watch(Init);
    }

    /// <summary>The root, as it is called outside.</summary>
    internal int Pid { get; }

    internal int InnerPid { get; }

    /// <summary>Process 1 of the namespace, as it is called outside.</summary>
    internal int Init { get; }

    internal static TreeInNamespace Of(Answer restored)
    {
        JsonElement result = restored.Final!.Value;
        return new(result.GetProperty("pid").GetInt32(), result.GetProperty("innerPid").GetInt32());
    }

    internal static TreeInNamespace Restore(string image, params string[] more) => Of(Binary.Restore(image, ["--pid-namespace", .. more]));

    /// <summary>Waits for the end of all; the wait status of the init, which is to tell that of the root.</summary>
    internal int AwaitEnd()
    {
        Wait.Until(() => Reaper.StatusesOf(Init).Count > 0, () => $"init {Init} does not end, root {Pid}: {Proc.ReadText($"/proc/{Pid}/status")}");
        return Reaper.StatusesOf(Init)[^1];
    }

    public void Dispose()
    {
        if (Reaper.StatusesOf(Init).Count == 0)
        {
            _ = Native.Kill(Init, Native.SIGKILL);
            _ = AwaitEnd();
        }
        Assert.False(Proc.Exists(Pid), "the tree outlives its init");
        Reaper.Forget(Init);
    }
}
