using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Kinds;

/// <summary>What the kinds of System V IPC have in common.</summary>
internal static class SysvIds
{
    /// <summary>Whether objects of the kernel that the tree left behind may still be here.</summary>
    public static bool OfThisBoot(RestoreContext context) => HostFacts.Read().BootId == context.Tree.Origin.BootId;

    public static EngineException Refused(SysvKind kind, int wanted, int got) => new(
        "SysvIdInUse", FailureClass.Failed,
        $"The kernel gave an IPC object ({kind}) the id {got}; the program knows it as {wanted}, which is in use here. See 'ipcs'.");
}
