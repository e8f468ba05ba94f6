using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>A right image of a process that never was, of any size.</summary>
internal static class SentImage
{
    /// <summary>Writes an image with an id of its own and that many MiB of data that do not compress.</summary>
    public static Guid Write(string path, int megabytes)
    {
        using var writer = ImageWriter.Create(path, overwrite: false);
        TreeRecord tree = SampleTree.Create() with { Id = Guid.NewGuid() };
        foreach (var process in tree.Processes)
        {
            using var section = writer.BeginProcess(process.Pid);
            section.Complete(SampleTree.Core(process), SampleTree.Mappings(process));
        }
        byte[] block = new byte[1 << 20];
        for (int i = 0; i < megabytes; i++)
        {
            Random.Shared.NextBytes(block);
            writer.WriteObjectData(SampleTree.MemoryObject, (long)i << 20, block);
        }
        writer.WriteTree(tree);
        writer.Commit();
        return tree.Id;
    }
}
