using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>One option as setsockopt(2) takes it.</summary>
internal sealed record SocketOptionValue(int Level, int Name, byte[] Value);

/// <summary>What sockets of every family have: flags, options, a classic BPF filter.</summary>
internal sealed record SocketSettings : OpenState
{
    public required IReadOnlyList<SocketOptionValue> Options { get; init; }

    /// <summary>Eight bytes an instruction; null where there is none.</summary>
    public byte[]? Filter { get; init; }

    /// <returns>Null and a blocker where a program that cannot be read filters the socket.</returns>
    public static SocketSettings? Capture(DescriptorFacts facts, SaveContext context)
    {
        if (SocketCalls.GetFilter(facts.Ours) is not { } filter)
        {
            context.Block(new Blocker(
                "SocketBpf", facts.Process.Pid, facts.Fd, facts.Link,
                "an eBPF program filters this socket, which the kernel does not give back", "let the program attach its filter after the restore"));
            return null;
        }
        return new SocketSettings
        {
            Flags = facts.Info.Flags,
            Options = SocketOptionTable.Read(facts.Ours),
            Filter = filter.Length == 0 ? null : filter,
        };
    }

    public int? IntOf(int level, int name) =>
        Options.FirstOrDefault(o => o.Level == level && o.Name == name) is { Value.Length: 4 } option ? BitConverter.ToInt32(option.Value) : null;

    /// <summary>What must be set before a name is bound.</summary>
    public void ApplyBeforeBind(Descriptor socket, string what)
    {
        SocketOptionTable.Apply(socket, Options, SocketOptionPhase.OnlyBeforeBind, what);
        SocketOptionTable.Apply(socket, Options, SocketOptionPhase.BeforeBind, what);
    }

    /// <summary>Sizes that were another for a while. To have set one at all says that it is not the kernel's to choose: that is an option, too.</summary>
    public void RestoreBuffers(Descriptor socket, string what)
    {
        SocketOptionTable.Apply(socket, Options, SocketOptionPhase.AtEnd, what);
        SocketOptionTable.Apply(socket, Options, SocketOptionPhase.Last, what);
    }

    /// <summary>All the rest, when connections and queues are in place.</summary>
    public void ApplyAtEnd(Descriptor socket, string what)
    {
        SocketOptionTable.Apply(socket, Options, SocketOptionPhase.BeforeBind, what);
        SocketOptionTable.Apply(socket, Options, SocketOptionPhase.AtEnd, what);
        if (Filter is { } filter)
        {
            if (filter.Length % 8 != 0)
                throw Restore.RestoreContext.Damaged($"the filter of {what} has {filter.Length} bytes");
            SocketCalls.AttachFilter(socket, filter);
        }
        SocketOptionTable.Apply(socket, Options, SocketOptionPhase.Last, what);
        FileCalls.SetFlags(socket, Flags);
    }
}
