namespace ProcMigrate.Cli.Output;

/// <summary>Columns as wide as their widest cell, two blanks apart: as readable in a log as on a terminal.</summary>
internal sealed class TextTable
{
    private readonly List<string[]> rows = [];

    public void Add(params string[] cells) => rows.Add(cells);

    public void Write(TextWriter output, string indent = "")
    {
        if (rows.Count == 0)
            return;
        var widths = new int[rows.Max(row => row.Length)];
        foreach (var row in rows)
        {
            for (var column = 0; column < row.Length; column++)
                widths[column] = Math.Max(widths[column], row[column].Length);
        }

        foreach (var row in rows)
        {
            var cells = row.Select((cell, column) => cell.PadRight(widths[column]));
            output.WriteLine((indent + string.Join("  ", cells)).TrimEnd());
        }
    }
}
