using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ProcMigrate.Tests.Image;
using ProcMigrate.Tests.Linux;

namespace ProcMigrate.Tests.Engine;

/// <summary>
/// Machine code of our sources, read as it is written there: bytes, and behind them the instruction in Intel syntax. Assembled
/// anew from the instructions alone.
/// </summary>
internal sealed partial class Assembly
{
    private readonly List<Line> _lines;

    private Assembly(List<Line> lines) => _lines = lines;

    /// <param name="Offset">Of the line's first byte in the code.</param>
    /// <param name="Instruction">Without remarks; empty for a label's own line.</param>
    /// <param name="Remark">What objdump writes behind a reference relative to rip: "98 &lt;name&gt;".</param>
    public sealed record Line(int Offset, string Label, byte[] Bytes, string Instruction, string Remark);

    public IReadOnlyList<Line> Lines => _lines;

    public byte[] WrittenBytes => [.. _lines.SelectMany(l => l.Bytes)];

    /// <summary>Reads the one collection expression of bytes in a source file.</summary>
    public static Assembly Read(string path)
    {
        var lines = new List<Line>();
        int offset = 0;
        string text = Sources.Read(path);
        text = text[text.IndexOf("ReadOnlySpan<byte> Code =>", StringComparison.Ordinal)..];
        text = text[..text.IndexOf("];", StringComparison.Ordinal)];
        foreach (string row in text.Split('\n').Skip(1).Select(r => r.Trim()).Where(r => r.Length > 1))
        {
            if (LabelRow().Match(row) is { Success: true } label)
            {
                lines.Add(new Line(offset, label.Groups[1].Value, [], "", ""));
                continue;
            }
            Match match = InstructionRow().Match(row);
            Assert.True(match.Success, $"{path}: no instruction can be read from '{row}'");
            byte[] bytes = [.. match.Groups["bytes"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(b => Convert.ToByte(b, 16))];
            lines.Add(new Line(offset, "", bytes, match.Groups["text"].Value.Trim(), match.Groups["remark"].Value.Trim()));
            offset += bytes.Length;
        }
        return new Assembly(lines);
    }

    /// <summary>The bytes that the system's assembler makes of the instructions, and where it puts the labels.</summary>
    public (byte[] Code, Dictionary<string, int> Labels) Assemble()
    {
        Tool.RequireOrSkip("gcc");
        Tool.RequireOrSkip("objcopy");
        using var folder = new TemporaryFolder();
        string source = folder.File("code.s"), compiled = folder.File("code.o"), binary = folder.File("code.bin");
        File.WriteAllText(source, Text());
        Check(Tool.Run("gcc", "-c", "-o", compiled, source));
        Check(Tool.Run("objcopy", "-O", "binary", "--only-section=.text", compiled, binary));
        Tool.Result symbols = Check(Tool.Run("nm", compiled));
        Dictionary<string, int> labels = symbols.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split(' '))
            .ToDictionary(f => f[^1], f => int.Parse(f[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        return (File.ReadAllBytes(binary), labels);
    }

    private string Text()
    {
        var text = new StringBuilder(".intel_syntax noprefix\n.text\n");
        foreach (Line line in _lines)
        {
            // "je 3a <table+0x37>": the address is for readers, the label for the assembler.
            text.Append(line.Label.Length > 0 ? $"\"{line.Label}\":\n" : JumpTarget().Replace(line.Instruction, "$1 \"$2\"$3") + "\n");
        }
        return text.ToString();
    }

    private static Tool.Result Check(Tool.Result result)
    {
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    [GeneratedRegex(@"^// (\w+):$")]
    private static partial Regex LabelRow();

    /// <summary>"0x0f, 0x05, // syscall (why) # 98 &lt;name&gt;"</summary>
    [GeneratedRegex(@"^(?<bytes>(0x[0-9a-f]{2}, ?)+)// (?<text>[^(#]+)(\([^)]*\))?(# (?<remark>.*))?$")]
    private static partial Regex InstructionRow();

    [GeneratedRegex(@"^(j\w+) [0-9a-f]+ <(\w+)(\+0x[0-9a-f]+)?>$")]
    private static partial Regex JumpTarget();
}
