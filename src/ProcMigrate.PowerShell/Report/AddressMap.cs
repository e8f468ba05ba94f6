using System.Globalization;
using System.Net;
using System.Text;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Report;

/// <summary>
/// A picture of an address space: its mappings in the order of their addresses, row by row. An address space is mostly empty, and a
/// mapping has 4 KiB or 4 GiB; so widths go by the logarithm of the size, and what lies empty in between is a gap.
/// </summary>
internal static class AddressMap
{
    private const double RowWidth = 1000;
    private const double LabelWidth = 118;
    private const double RowHeight = 30;
    private const double BlockHeight = 22;
    private const double Gap = 9;
    private const int MostMappings = 5000;
    private const ulong GapFrom = 1 << 20;

    public static string Draw(IReadOnlyList<ImageMapping> mappings)
    {
        var blocks = new StringBuilder();
        var (x, row, before) = (LabelWidth, -1, 0UL);
        foreach (var mapping in mappings.Take(MostMappings))
        {
            var width = Width(mapping.Length);
            var gap = row >= 0 && mapping.Start - before >= GapFrom ? Gap : 0;
            if (row < 0 || x + gap + width > RowWidth)
            {
                row++;
                (x, gap) = (LabelWidth, 0);
                Append(blocks, $"""<text x="{LabelWidth - 8}" y="{row * RowHeight + 16}" class="address">{mapping.Start:x}</text>""");
            }

            x += gap;
            Block(blocks, mapping, x, row * RowHeight, width);
            x += width + 1;
            before = mapping.End;
        }

        var height = (row + 1) * RowHeight;
        var rest = mappings.Count - MostMappings;
        var more = rest > 0 ? $"<p class=\"note\">and {rest} more mappings</p>" : "";
        return Text($"""<svg viewBox="0 0 {RowWidth} {height}" role="img" aria-label="address space, {mappings.Count} mappings">{blocks}</svg>{more}""");
    }

    /// <summary>A pale block for the mapping, and in it, from below, as much full colour as the image holds of it.</summary>
    private static void Block(StringBuilder svg, ImageMapping mapping, double x, double y, double width)
    {
        var sort = ReportStyle.ClassOf(mapping.Sort);
        var filled = mapping.Length == 0 ? 0 : BlockHeight * Math.Clamp((double)mapping.Stored / mapping.Length, 0, 1);
        if (mapping.Stored > 0)
            filled = Math.Max(filled, 2);
        var tip = WebUtility.HtmlEncode(
            $"{mapping.Start:x}-{mapping.End:x} {mapping.Protection} {mapping.Sort}\n{mapping.Title}\n{ByteText.Of(mapping.Length)}, {ByteText.Of(mapping.Stored)} stored");
        Append(svg, $"""<g class="{sort}"><title>{tip}</title><rect x="{x:0.#}" y="{y:0.#}" width="{width:0.#}" height="{BlockHeight}" rx="2" class="pale"/>""");
        if (filled > 0)
            Append(svg, $"""<rect x="{x:0.#}" y="{y + BlockHeight - filled:0.#}" width="{width:0.#}" height="{filled:0.#}" rx="2"/>""");
        svg.Append("</g>");
    }

    private static double Width(long bytes) => 3 + (3.4 * Math.Log2(Math.Max(1, bytes / 4096.0)));

    private static void Append(StringBuilder svg, FormattableString text) => svg.Append(Text(text));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
