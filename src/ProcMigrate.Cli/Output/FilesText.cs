using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>The files of a bundle for people.</summary>
internal static class FilesText
{
    public static void Write(BundleContents? bundle, TextWriter output)
    {
        if (bundle is null)
            return;
        output.WriteLine($"{Amount.Count(bundle.Files.Count, "bundled file")}, {Amount.Bytes(bundle.Bytes)}");
        var table = new TextTable();
        foreach (var file in bundle.Files)
            table.Add(Amount.Bytes(file.Bytes), file.Path);
        table.Write(output, "  ");
    }

    public static void Write(RestoredFiles? files, TextWriter output)
    {
        if (files is null)
            return;
        output.WriteLine($"  its files are in {files.Folder}{(files.Table is null ? "" : ", all names in " + files.Table)}");
        foreach (var file in files.Names)
            output.WriteLine(file.Old == file.New ? $"    {file.Old} (the host's own)" : $"    {file.Old} -> {file.New}");
    }
}
