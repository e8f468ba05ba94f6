using ProcMigrate.Image;

namespace ProcMigrate.Engine.Contracts;

/// <summary>
/// Takes a tree over instead of a file: the other end of a migration, as the save sees it. Called in the order of the members,
/// while the tree stands still. An exception of any of them means that the tree runs on here.
/// </summary>
public abstract class Handover
{
    /// <summary>All that will be sent but the memory, as an image by itself, and what stands in the way on this side.</summary>
    /// <exception cref="EngineException">Something stands in the way, here or there.</exception>
    public abstract void Describe(ReadOnlyMemory<byte> description, IReadOnlyList<Blocker> blockers);

    /// <summary>Where the image goes; complete with <see cref="ImageSink.Publish"/>.</summary>
    public abstract ImageSink Image { get; }

    /// <summary>Returns when the tree runs on the other side, and must not here any more.</summary>
    /// <param name="pids">Processes of the tree.</param>
    /// <param name="hold">Makes sure that the tree does not run on should this process die. To be called before the other side may let it run.</param>
    public abstract void TakeOver(Guid id, IReadOnlyList<int> pids, Action hold);

    /// <summary>After <see cref="TakeOver"/> failed: true where it is not known whether the tree runs there. Then it stays stopped here.</summary>
    public abstract bool Unsettled { get; }

    /// <summary>The tree is no more here.</summary>
    public abstract void Ended();
}
