using ProcMigrate.Image;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Tests.Image;

/// <summary>Writes the sample tree with a little memory of every sort.</summary>
internal static class SampleImage
{
    /// <summary>Heap pages stored for each process, and object data with a ragged end.</summary>
    public static ImageSummary Write(string path, bool overwrite = false)
    {
        using var writer = ImageWriter.Create(path, overwrite);
        Fill(writer);
        return writer.Commit();
    }

    public static void Fill(ImageWriter writer)
    {
        var tree = SampleTree.Create();
        foreach (var process in tree.Processes)
        {
            using var section = writer.BeginProcess(process.Pid);
            section.WriteMemory(SampleTree.Heap, Pages(2, (byte)process.Pid));
            section.WriteMemory(SampleTree.Stack + 0x20000, Pages(1, 77));
            section.Complete(SampleTree.Core(process), SampleTree.Mappings(process));
        }
        writer.WriteObjectData(SampleTree.MemoryObject, 4096, Pages(1, 5).AsSpan(0, 100));
        writer.WriteTree(tree);
    }

    public static byte[] Pages(int count, byte seed)
    {
        var bytes = new byte[count * ImageLimits.PageSize];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>An image around a given tree, without memory; what a save would never write needs <see cref="ForgedImage"/>.</summary>
    public static void Write(string path, TreeRecord tree)
    {
        using var writer = ImageWriter.Create(path, overwrite: false);
        foreach (var process in tree.Processes)
        {
            using var section = writer.BeginProcess(process.Pid);
            section.Complete(SampleTree.Core(process), SampleTree.Mappings(process));
        }
        writer.WriteTree(tree);
        writer.Commit();
    }
}
