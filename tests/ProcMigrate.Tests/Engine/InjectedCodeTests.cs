using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Restore.Release;

namespace ProcMigrate.Tests.Engine;

/// <summary>Machine code of ours is what the comments beside it say, and reads structs where they lie.</summary>
public class InjectedCodeTests
{
    private const string PadSource = "src/ProcMigrate.Engine/Inject/X64/PadCode.cs";
    private const string GuardianSource = "src/ProcMigrate.Engine/Restore/Release/GuardianProgram.cs";
    private const string RestorerSource = "src/ProcMigrate.Engine/Inject/X64/RestorerCode.cs";

    [Fact]
    public void PadCode_IsItsInstructions()
    {
        Assembly written = Assembly.Read(PadSource);
        (byte[] code, Dictionary<string, int> labels) = written.Assemble();
        Assert.Equal(Hex(PadCode.Code), Hex(written.WrittenBytes));
        Assert.Equal(Hex(code), Hex(PadCode.Code));
        Assert.Equal((PadCode.First, PadCode.Call, PadCode.Unmap), (labels["first"], labels["call"], labels["unmap"]));
        Assert.Equal(PadCode.Words, PadCode.Code.Length);
        Assert.Equal(
            [PadCode.AfterFirst, PadCode.AfterCall, PadCode.AfterUnmap, PadCode.AfterMask],
            written.Lines.Where(l => l.Instruction == "syscall").Select(l => l.Offset + l.Bytes.Length));
    }

    [Fact]
    public void RestorerCode_IsItsInstructions()
    {
        Assembly written = Assembly.Read(RestorerSource);
        (byte[] code, Dictionary<string, int> labels) = written.Assemble();
        Assert.Equal(Hex(RestorerCode.Code), Hex(written.WrittenBytes));
        Assert.Equal(Hex(code), Hex(RestorerCode.Code));
        Assert.Equal((RestorerCode.Call, RestorerCode.Table, RestorerCode.Seed), (labels["call"], labels["table"], labels["seed"]));
        Assert.Contains(written.Lines, l => l.Instruction == $"mov edi,{RestorerCode.ChannelFd}");
    }

    [Fact]
    public void GuardianProgram_IsItsInstructions()
    {
        Assembly written = Assembly.Read(GuardianSource);
        Assert.Equal(Hex(written.Assemble().Code), Hex(written.WrittenBytes));
        Assert.Contains(written.Lines, l => l.Instruction == $"cmp BYTE PTR [rbx+0xc],0x{RestoreRecord.Committed:x}");
    }

    /// <summary>Each "# 98 &lt;negscratch&gt;" is the address that the displacement gives, and the word of that name.</summary>
    [Fact]
    public void PadWords_AreWhereTheCodeReadsThem()
    {
        Assembly written = Assembly.Read(PadSource);
        Assert.Equal(PadCode.Size, PadCode.Words + Marshal.SizeOf<PadWords>());
        var read = new HashSet<string>();
        foreach (Assembly.Line line in written.Lines.Where(l => l.Instruction.Contains("rip+", StringComparison.Ordinal)))
        {
            Match remark = Regex.Match(line.Remark, "^([0-9a-f]+) <(?:v_)?(\\w+)>$");
            string displacement = Regex.Match(line.Instruction, @"\[rip\+0x([0-9a-f]+)\]").Groups[1].Value;
            int address = line.Offset + line.Bytes.Length + FromHex(displacement);
            Assert.Equal(address, FromHex(remark.Groups[1].Value));
            string word = remark.Groups[2].Value switch
            {
                "data" => nameof(PadWords.Scratch),
                "negscratch" => nameof(PadWords.NegatedScratch),
                "scratchlen" => nameof(PadWords.ScratchLength),
                "sigmask" => nameof(PadWords.SignalMask),
                string register => char.ToUpperInvariant(register[0]) + register[1..],
            };
            Assert.Equal(address - PadCode.Words, Marshal.OffsetOf<PadWords>(word));
            read.Add(word);
        }
        string[] forLaterSaves = [nameof(PadWords.Tid), nameof(PadWords.Rsp)];
        Assert.Equal(typeof(PadWords).GetFields().Select(f => f.Name).Except(forLaterSaves).Order(), read.Order());
    }

    /// <summary>The system call ABI's registers, in the order of the row, then the result; rbx moves on by one row.</summary>
    [Fact]
    public void CallRow_IsWhatTheTableCodeReads()
    {
        string[] fields = ["number", "a", "b", "c", "d", "e", "f"];
        string[] registers = ["rax", "rdi", "rsi", "rdx", "r10", "r8", "r9"];
        List<string> code = [.. Assembly.Read(RestorerSource).Lines.Select(l => l.Instruction)];
        foreach ((string field, string register) in fields.Zip(registers))
        {
            nint offset = Marshal.OffsetOf<CallRow>(field);
            Assert.Contains($"mov {register},[rbx{(offset == 0 ? "" : $"+0x{offset:x}")}]", code);
        }
        Assert.Contains($"mov [rbx+0x{Marshal.OffsetOf<CallRow>("result"):x}],rax", code);
        Assert.Contains($"add rbx,0x{Marshal.SizeOf<CallRow>():x}", code);
    }

    private static int FromHex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexString(bytes);
}
