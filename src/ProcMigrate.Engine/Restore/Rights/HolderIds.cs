using ProcMigrate.Engine.Host;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;

namespace ProcMigrate.Engine.Restore.Rights;

/// <summary>What decides about access to files, of one thread of the tree.</summary>
/// <param name="Capabilities">Those of its effective ones that it will have here.</param>
/// <param name="OwnGroups">Those of this process.</param>
internal sealed record HolderIds(uint User, uint Group, uint[] Groups, ulong Capabilities, uint[] OwnGroups)
{
    // capabilities(7): those that have to do with whose a file is.
    private const ulong OverFiles = 1UL << (int)Capability.CAP_CHOWN | 1UL << 1 /* CAP_DAC_OVERRIDE */
        | 1UL << 2 /* CAP_DAC_READ_SEARCH */ | 1UL << 3 /* CAP_FOWNER */;

    public string Key { get; } = $"{User} {Group} {Capabilities:x} {string.Join(',', Groups)}";

    public static HolderIds Of(CredentialsRecord thread, CredentialsRecord own) => new(
        thread.FileUid, thread.FileGid, [.. thread.Groups], thread.Effective & own.Permitted & BinaryRights.ForImages(own), [.. own.Groups]);

    /// <summary>Whether this process may do more to files than the thread may.</summary>
    public bool AreLess(CredentialsRecord own) => (own.Effective & OverFiles & ~Capabilities) != 0;
}
