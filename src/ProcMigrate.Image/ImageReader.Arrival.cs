using System.Text.Json;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Image;

public sealed partial class ImageReader
{
    /// <summary>Proves that this image is of the tree that its description told of; only how much memory there is may have been a guess.</summary>
    public void RequireTreeOf(ImageReader description)
    {
        if (!Text(Tree).AsSpan().SequenceEqual(Text(description.Tree))) throw Faults.Damaged("its tree is another than the one it was announced with");
    }

    private static byte[] Text(TreeRecord tree) => JsonSerializer.SerializeToUtf8Bytes(
        tree with { Processes = [.. tree.Processes.Select(p => p with { MemoryBytes = 0 })] }, TreeJson.Type);
}
