namespace ProcMigrate.Cli.Output;

/// <summary>Phrases that the words of several verbs are made of.</summary>
internal static class ResultText
{
    /// <summary><c>sim (pid 4711)</c>.</summary>
    public static string Tree(VerbResult result)
    {
        var name = result.Processes is [var root, ..] ? root.Name : "the tree";
        return result.Pid is { } pid ? $"{name} (pid {pid})" : name;
    }

    /// <summary><c>1 process, 5 threads, memory 48 MiB, frozen for 61 ms, 90 ms in all</c>, as far as known.</summary>
    public static string Facts(VerbResult result)
    {
        var facts = new List<string>();
        if (result.Processes is { } processes)
        {
            facts.Add(Amount.Count(processes.Count, "process", "processes"));
            facts.Add(Amount.Count(processes.Sum(process => process.Threads), "thread"));
        }

        if (result.MemoryBytes is { } memory)
            facts.Add("memory " + Amount.Bytes(memory));
        if (result.Timings?.TryGetValue("freezeMs", out var freeze) == true)
            facts.Add("frozen for " + Amount.Milliseconds(freeze));
        if (result.Timings?.TryGetValue("totalMs", out var total) == true)
            facts.Add(Amount.Milliseconds(total) + " in all");
        return string.Join(", ", facts);
    }
}
