using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// The pipes and FIFOs of the tree with all their ends. What they are shows only when every process has been looked at:
/// a pipe within the tree, one whose other end is closed, or one that leads outside.
/// </summary>
internal sealed class PipesSeen
{
    private readonly Dictionary<string, PipeSeen> _pipes = [];
    private readonly SaveContext _context;
    private readonly Lazy<OutsideHolders> _outside;

    private PipesSeen(SaveContext context)
    {
        _context = context;
        _outside = new Lazy<OutsideHolders>(() => OutsideHolders.Find(
            _context.TreePids, _pipes.Values.Select(p => p.Link).ToHashSet()));
        context.AtEnd(SettleAll);
    }

    public static PipesSeen Of(SaveContext context) => context.Shared(() => new PipesSeen(context));

    /// <summary>Notes an end.</summary>
    public void Add(DescriptorFacts facts, int objectId)
    {
        string identity = $"{facts.Status.KernelDevice} {facts.Status.Inode}";
        if (!_pipes.TryGetValue(identity, out PipeSeen? pipe))
            _pipes[identity] = pipe = new PipeSeen(facts.Link, facts.Status, facts.Link.StartsWith(PipeEndKind.LinkPrefix, StringComparison.Ordinal));
        pipe.Ends.Add(new PipeEndSeen(facts.Process, facts.Fd, facts.Info.Flags, objectId));
    }

    private void SettleAll()
    {
        foreach (PipeSeen pipe in _pipes.Values)
        {
            try
            {
                Settle(pipe);
            }
            catch (LinuxException e)
            {
                PipeEndSeen end = pipe.Ends[0];
                _context.Block(new Blocker("DescriptorUnreadable", end.Process.Pid, end.Fd, pipe.Link, e.Message, "close it, or save as root"));
            }
        }
    }

    private void Settle(PipeSeen pipe)
    {
        if (!pipe.Anonymous)
            SettleFifo(pipe);
        else if (pipe.Reader is not null && pipe.Writer is not null)
            SettleInside(pipe);
        else if (HasOtherEnd(pipe))
            SettleOutward(pipe);
        else
            Store(pipe);
    }

    private void SettleInside(PipeSeen pipe)
    {
        if (_outside.Value.Of(pipe.Link) is not null)
        {
            Block(pipe, "PipeShared", $"{pipe.Link}, also open in {_outside.Value.Describe(pipe.Link)}",
                "a process outside the tree shares this pipe, and would be cut off from it", "save that process with it, or let it close the pipe");
            return;
        }
        Store(pipe);
    }

    /// <summary>One end is ours, the other is somebody else's: what a standard stream may be, and nothing else.</summary>
    private void SettleOutward(PipeSeen pipe)
    {
        foreach (PipeEndSeen end in pipe.Ends)
        {
            if (_context.Descriptors.StandardStream(end.ObjectId) is not { } stream)
            {
                Block(pipe, "PipeOutside", $"{pipe.Link}, whose other end is in {_outside.Value.Describe(pipe.Link)}",
                    "the other end of this pipe is outside the tree and would be lost", "save both processes together, or use a file or FIFO instead");
                return;
            }
            _context.Objects.Update(end.ObjectId, record => record with
            {
                Kind = StandardStreamKind.KindName,
                State = StandardStreamKind.StateOf(stream, end.Flags, pipe.Link),
            });
        }
        if (pipe.Reader is { } reader && Unread(reader) is > 0 and var unread)
        {
            Block(pipe, "PipeContent", $"{unread} bytes not read yet from standard input, a pipe from {_outside.Value.Describe(pipe.Link)}",
                "the bytes would be lost, since that pipe stays here", "save both processes together, or give the program its input as a file");
        }
    }

    /// <summary>A FIFO is found again by its path, and its outside users with it.</summary>
    private void SettleFifo(PipeSeen pipe)
    {
        if (pipe.Reader is { } reader && Unread(reader) is > 0 and var unread && _outside.Value.Of(pipe.Link) is not null)
        {
            Block(pipe, "FifoContent", $"{unread} bytes in {pipe.Link}, also open in {_outside.Value.Describe(pipe.Link)}",
                "whether the program or the other process reads them cannot be known", "let them be read first, or save the other process with it");
            return;
        }
        Store(pipe);
    }

    private void Store(PipeSeen pipe)
    {
        PipeEndSeen end = pipe.Reader ?? pipe.Ends[0];
        using Descriptor file = end.Process.PidFd.Take(end.Fd);
        bool packetWriter = pipe.Ends.Any(e => e.Writes && (e.Flags & OpenFlags.O_DIRECT) != 0);
        // Without any reader the bytes are lost anyway.
        if ((pipe.Reader is null ? ([], []) : PipeBuffer.Look(file, packetWriter)) is not var (bytes, packets))
        {
            Block(pipe, "PipeMixed", pipe.Link, "the pipe holds packets and plain bytes, which cannot be told apart", "let the program read them first");
            return;
        }
        var state = new PipeBufferState
        {
            Capacity = Pipes.GetCapacity(file),
            Length = bytes.Length,
            Packets = packets,
            Uid = pipe.Status.Uid,
            Gid = pipe.Status.Gid,
            Mode = pipe.Status.Mode,
        };
        int buffer = _context.Objects.Add(
            PipeBuffer.KindName, pipe.Link, System.Text.Json.JsonSerializer.SerializeToElement(state, StateJson.Default.PipeBufferState));
        if (bytes.Length > 0)
            _context.ObjectBytes.Add((buffer, bytes));
        foreach (PipeEndSeen each in pipe.Ends)
            Join(each, buffer, pipe);
    }

    private void Join(PipeEndSeen end, int buffer, PipeSeen pipe)
    {
        bool ended = !pipe.Anonymous && pipe.Writer is null && IsHungUp(end);
        _context.Objects.Update(end.ObjectId, record => record with
        {
            State = pipe.Anonymous
                ? PipeEndKind.StateOf(buffer, end.Flags)
                : FifoKind.Complete(record, buffer, ended),
        });
    }

    private static bool IsHungUp(PipeEndSeen end)
    {
        using Descriptor file = end.Process.PidFd.Take(end.Fd);
        return (Polling.Now(file, 0) & Polling.POLLHUP) != 0;
    }

    /// <summary>The kernel tells a reader that no writer is left, and a writer that no reader is.</summary>
    private static bool HasOtherEnd(PipeSeen pipe)
    {
        PipeEndSeen end = pipe.Ends[0];
        using Descriptor file = end.Process.PidFd.Take(end.Fd);
        return (Polling.Now(file, 0) & (pipe.Reader is null ? Polling.POLLERR : Polling.POLLHUP)) == 0;
    }

    private static int Unread(PipeEndSeen end)
    {
        using Descriptor file = end.Process.PidFd.Take(end.Fd);
        return Pipes.BytesToRead(file);
    }

    private void Block(PipeSeen pipe, string id, string what, string why, string remedy) =>
        _context.Block(new Blocker(id, pipe.Ends[0].Process.Pid, pipe.Ends[0].Fd, what, why, remedy));

    private sealed record PipeSeen(string Link, FileStatus Status, bool Anonymous)
    {
        public List<PipeEndSeen> Ends { get; } = [];
        public PipeEndSeen? Reader => Ends.Find(e => e.Reads);
        public PipeEndSeen? Writer => Ends.Find(e => e.Writes);
    }

    private sealed record PipeEndSeen(TracedProcess Process, int Fd, OpenFlags Flags, int ObjectId)
    {
        public bool Reads => (Flags & OpenFlags.O_ACCMODE) != OpenFlags.O_WRONLY;
        public bool Writes => (Flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY;
    }
}
