using ProcMigrate.Engine.Restore.Rights;
using ProcMigrate.Image;

namespace ProcMigrate.Engine.Bundle;

/// <summary>Writes the files of a bundle out, as a restore would, and nothing else.</summary>
internal static class BundleExport
{
    public static RestoredFiles Run(
        string imagePath, string folder, List<string> warnings, Action<EngineProgress>? progress, CancellationToken cancel)
    {
        using ImageReader image = ImageReader.Open(imagePath);
        BundleTable table = BundleRules.Read(image.Tree.Objects, image);
        if (table.Count == 0)
        {
            throw new EngineException(
                "NoBundle", FailureClass.Refused, $"{image.Path} carries no files: it was saved without --bundle. There is nothing to export.");
        }
        image.VerifyMemory(null, cancel);
        using FilesFolder target = FilesFolder.Create(folder, image.Tree.Id);
        var unpacker = new BundleUnpacker(table, image, target.Beneath, new FileRights(image.Tree.Processes, warnings), warnings);
        try
        {
            unpacker.Unpack((_, _) => true, progress, cancel);
        }
        catch
        {
            unpacker.Remove();
            target.Remove();
            throw;
        }
        return new RestoredFiles(target.Path, null, table.Count, []);
    }
}
