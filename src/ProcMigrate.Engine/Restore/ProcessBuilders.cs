using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>The builders of a tree, each made when its process is born.</summary>
internal sealed class ProcessBuilders(RestoreContext context, DescriptorChannel channel, RemoteAddress area, Action<long> loaded)
{
    private readonly Dictionary<int, ProcessBuilder> _byPid = [];

    /// <summary>The restorer's area as processes see it before they have one of their own; only its addresses count.</summary>
    public RestorerArea AreaOfSeed { get; } = new(0, area);

    public ProcessBuilder? Find(int pid) => _byPid.GetValueOrDefault(pid);

    /// <summary>
    /// A process has been born. Where children of its own are to inherit pages of its memory, it gets that memory now: what is
    /// loaded before their birth is shared with them (copy-on-write), as it was.
    /// </summary>
    /// <param name="mother">Whose copy it is; null: the seed's.</param>
    public ProcessBuilder Add(ProcessRecord record, OwnedThread leader, ProcessBuilder? mother)
    {
        var builder = new ProcessBuilder(record, leader, area, channel, mother, context);
        _byPid.Add(record.Pid, builder);
        foreach (ProcessRecord child in context.Tree.Processes)
        {
            if (child.ParentPid == record.Pid && builder.WillBequeathTo(child))
                builder.BuildMemory(loaded);
        }
        return builder;
    }
}
