using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using ProcMigrate.Image;
using ProcMigrate.Image.Core;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Tests.Image;

/// <summary>The cores, as binutils and the system's headers see them.</summary>
public sealed partial class ElfCoreTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Readelf_HasNoComplaint_AboutTheImage()
    {
        Tool.RequireOrSkip("readelf");
        var path = folder.File("sample.pmi");
        SampleImage.Write(path);
        AssertCore(path, threads: 2);
    }

    [Fact]
    public void CoreOfTheChild_CutOutOrExported_IsACore()
    {
        Tool.RequireOrSkip("readelf");
        var path = folder.File("sample.pmi");
        SampleImage.Write(path);
        var entries = new ForgedImage(path).Entries;
        var start = entries.First(e => e.Kind == ExtentKind.CoreHeader && e.Owner == SampleTree.Child).Offset;
        var end = entries.First(e => e.Kind == ExtentKind.CoreSegments && e.Owner == SampleTree.Child).End;
        File.WriteAllBytes(folder.File("cut"), File.ReadAllBytes(path)[(int)start..(int)end]);
        AssertCore(folder.File("cut"), threads: 1);

        using var reader = ImageReader.Open(path);
        reader.ExportCore(SampleTree.Child, folder.File("exported"));
        AssertCore(folder.File("exported"), threads: 1);
        Assert.Equal(File.ReadAllBytes(folder.File("cut")), File.ReadAllBytes(folder.File("exported")));
        var again = Assert.Throws<ImageException>(() => reader.ExportCore(SampleTree.Child, folder.File("exported")));
        Assert.Equal(ImageError.Exists, again.Error);
        Assert.Throws<ArgumentException>(() => reader.ExportCore(1, folder.File("none")));
        Assert.Equal(["cut", "exported", "sample.pmi"], folder.Names());
    }

    [Fact]
    public void MoreThan65534Segments_AreCountedInSectionHeader0()
    {
        Tool.RequireOrSkip("readelf");
        const int count = 70_000;
        var sample = SampleTree.Create();
        var mappings = Enumerable.Range(0, count).Select(i => sample.Processes[0].Mappings[2] with
        {
            Start = 0x1_0000_0000 + (ulong)i * 0x2000,
            End = 0x1_0000_1000 + (ulong)i * 0x2000,
            VmFlags = [],
        });
        var process = sample.Processes[0] with { Mappings = [.. mappings] };
        SampleImage.Write(folder.File("many.pmi"), sample with { Processes = [process] });
        var header = Readelf("-h", folder.File("many.pmi"));
        Assert.Contains($"Number of program headers:         65535 ({count + 1})", header, StringComparison.Ordinal);
        Assert.Equal(count, LoadLine().Count(Readelf("-lW", folder.File("many.pmi"))));
    }

    /// <summary>Stored neighbours are one segment, holes are segments without bytes, and mappings are never joined.</summary>
    [Fact]
    public void Segments_AreMergedAsFarAsPossible()
    {
        CoreMapping[] mappings = [new(0x1000, 0x9000, true, true, false), new(0x9000, 0xB000, true, false, true)];
        StoredRun[] runs =
        [
            new(0x2000, 0x100000, 0x1000), new(0x3000, 0x101000, 0x2000), // side by side in memory and file
            new(0x5000, 0x200000, 0x1000), // elsewhere in the file
            new(0x8000, 0x201000, 0x1000), new(0x9000, 0x202000, 0x1000), // side by side, but two mappings
        ];
        var loads = CoreSegments.Enumerate(mappings, runs).Select(l => (l.VirtualAddress, l.MemorySize, l.Offset, l.FileSize, l.Flags));
        Assert.Equal(
            [
                (0x1000, 0x1000, 0, 0, 6),
                (0x2000, 0x3000, 0x100000, 0x3000, 6),
                (0x5000, 0x1000, 0x200000, 0x1000, 6),
                (0x6000, 0x2000, 0, 0, 6),
                (0x8000, 0x1000, 0x201000, 0x1000, 6),
                (0x9000, 0x1000, 0x202000, 0x1000, 5),
                (0xA000, 0x1000, 0, 0, 5u),
            ],
            loads);
        Assert.Throws<ArgumentException>(() => CoreSegments.Enumerate(mappings, [new(0xA000, 0, 0x2000)]).Count());
        Assert.Throws<ArgumentException>(() => CoreSegments.Enumerate(mappings, [new(0, 0, 0x1000)]).Count());
        Assert.Throws<ArgumentException>(() => CoreSegments.Enumerate(mappings, [new(0xF000, 0, 0x1000)]).Count());
    }

    /// <summary>readelf itself cannot show NT_FILE where binutils was built without 64-bit support, so it is read here.</summary>
    [Fact]
    public void MappedFiles_AreListedInPages()
    {
        var core = SampleTree.Core(SampleTree.Create().Processes[0]) with
        {
            Files = [new CoreFile(0x1000, 0x3000, 7, "/a"), new CoreFile(0x5000, 0x6000, 0, "/tmp/ü")],
        };
        using var stream = new MemoryStream();
        new CoreNotes(stream).Write(core);
        ulong[] words = [2, 4096, 0x1000, 0x3000, 7, 0x5000, 0x6000, 0];
        byte[] description = [.. MemoryMarshal.AsBytes(words.AsSpan()), .. "/a\0/tmp/ü\0"u8];
        byte[] header = [5, 0, 0, 0, (byte)description.Length, 0, 0, 0, .. "ELIF"u8, .. "CORE\0\0\0\0"u8];
        Assert.True(stream.ToArray().AsSpan().IndexOf([.. header, .. description]) > 0);
    }

    [Fact]
    public void LongNames_AreCutBetweenCharacters()
    {
        var sample = SampleTree.Create();
        var core = SampleTree.Core(sample.Processes[0]) with { Name = "ääääääääää", Arguments = new string('x', 200) };
        using var stream = new MemoryStream();
        new CoreNotes(stream).Write(core);
        var bytes = stream.ToArray();
        var info = bytes.AsSpan(bytes.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes("äääää")) - 40);
        var parsed = MemoryMarshal.Read<ElfProcessInfo>(info);
        Assert.Equal("äääääää\0\0", System.Text.Encoding.UTF8.GetString(((ReadOnlySpan<byte>)parsed.Name)[..16]));
        Assert.Equal(79, ((ReadOnlySpan<byte>)parsed.Arguments).IndexOf((byte)0));
    }

    [Fact]
    public void Structures_AreThoseOfTheSystemsHeaders()
    {
        Tool.RequireOrSkip("gcc");
        Dictionary<string, int> ours = new()
        {
            ["sizeof(struct elf_prstatus)"] = Unsafe.SizeOf<ElfProcessStatus>(),
            ["sizeof(struct elf_prpsinfo)"] = Unsafe.SizeOf<ElfProcessInfo>(),
            ["sizeof(Elf64_Ehdr)"] = Unsafe.SizeOf<ElfHeader>(),
            ["sizeof(Elf64_Phdr)"] = Unsafe.SizeOf<ElfProgramHeader>(),
            ["sizeof(Elf64_Shdr)"] = Unsafe.SizeOf<ElfSectionHeader>(),
            ["sizeof(struct user_regs_struct)"] = CoreNotes.RegistersLength,
            ["sizeof(struct user_fpregs_struct)"] = CoreNotes.FloatingPointLength,
            ["sizeof(siginfo_t)"] = CoreNotes.SignalInfoLength,
            ["offsetof(struct elf_prstatus, pr_cursig)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.CurrentSignal)),
            ["offsetof(struct elf_prstatus, pr_sigpend)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.PendingSignals)),
            ["offsetof(struct elf_prstatus, pr_sighold)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.HeldSignals)),
            ["offsetof(struct elf_prstatus, pr_pid)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.Pid)),
            ["offsetof(struct elf_prstatus, pr_sid)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.SessionId)),
            ["offsetof(struct elf_prstatus, pr_utime)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.UserTime)),
            ["offsetof(struct elf_prstatus, pr_reg)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.Registers)),
            ["offsetof(struct elf_prstatus, pr_fpvalid)"] = Offset<ElfProcessStatus>(nameof(ElfProcessStatus.FloatingPointValid)),
            ["offsetof(struct elf_prpsinfo, pr_nice)"] = Offset<ElfProcessInfo>(nameof(ElfProcessInfo.Nice)),
            ["offsetof(struct elf_prpsinfo, pr_flag)"] = Offset<ElfProcessInfo>(nameof(ElfProcessInfo.Flags)),
            ["offsetof(struct elf_prpsinfo, pr_uid)"] = Offset<ElfProcessInfo>(nameof(ElfProcessInfo.Uid)),
            ["offsetof(struct elf_prpsinfo, pr_pid)"] = Offset<ElfProcessInfo>(nameof(ElfProcessInfo.Pid)),
            ["offsetof(struct elf_prpsinfo, pr_fname)"] = Offset<ElfProcessInfo>(nameof(ElfProcessInfo.Name)),
            ["offsetof(struct elf_prpsinfo, pr_psargs)"] = Offset<ElfProcessInfo>(nameof(ElfProcessInfo.Arguments)),
            ["offsetof(Elf64_Ehdr, e_phoff)"] = Offset<ElfHeader>(nameof(ElfHeader.ProgramHeaderOffset)),
            ["offsetof(Elf64_Ehdr, e_phnum)"] = Offset<ElfHeader>(nameof(ElfHeader.ProgramHeaderCount)),
            ["offsetof(Elf64_Phdr, p_offset)"] = Offset<ElfProgramHeader>(nameof(ElfProgramHeader.Offset)),
            ["offsetof(Elf64_Phdr, p_align)"] = Offset<ElfProgramHeader>(nameof(ElfProgramHeader.Alignment)),
            ["offsetof(Elf64_Shdr, sh_info)"] = Offset<ElfSectionHeader>(nameof(ElfSectionHeader.Info)),
        };
        var prints = ours.Keys.Select(k => $"printf(\"%zu\\n\", {k});");
        File.WriteAllText(folder.File("a.c"),
            "#include <sys/procfs.h>\n#include <sys/user.h>\n#include <elf.h>\n#include <signal.h>\n#include <stddef.h>\n#include <stdio.h>\n"
            + $"int main(void) {{ {string.Concat(prints)} }}");
        var compiled = Tool.Run("gcc", "-o", folder.File("a.out"), folder.File("a.c"));
        Assert.True(compiled.ExitCode == 0, compiled.Error);
        var theirs = Tool.Run(folder.File("a.out")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => int.Parse(line, CultureInfo.InvariantCulture));
        Assert.Equal(ours, ours.Keys.Zip(theirs).ToDictionary(p => p.First, p => p.Second));
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);

    private static void AssertCore(string path, int threads)
    {
        var all = Readelf("-aW", path);
        Assert.Contains("CORE (Core file)", all, StringComparison.Ordinal);
        Assert.Equal(threads, Regex.Count(all, "NT_PRSTATUS"));
        Assert.Equal(threads, Regex.Count(all, "NT_FPREGSET"));
        Assert.Equal(threads, Regex.Count(all, "NT_X86_XSTATE"));
        Assert.Equal(threads, Regex.Count(all, "NT_SIGINFO"));
        Assert.Equal(1, Regex.Count(all, "NT_PRPSINFO"));
        Assert.Equal(1, Regex.Count(all, "NT_AUXV"));
        Assert.Equal(1, Regex.Count(all, "NT_FILE"));
        // The text is not stored; of the heap two pages and not the rest; of the stack the last page and not what lies below.
        Assert.Equal(5, LoadLine().Count(all));
        Assert.Matches(@"LOAD +0x0*1000 0x0000555555750000 \S+ 0x002000 0x002000 RW ", all);
        Assert.Matches(@"LOAD +0x[0-9a-f]+ 0x0000555555752000 \S+ 0x000000 0x00e000 RW ", all);
        Assert.Matches(@"LOAD +0x0*3000 0x00007fffffffe000 \S+ 0x001000 0x001000 RW ", all);
    }

    private static string Readelf(string option, string path)
    {
        var result = Tool.Run("readelf", option, path);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.DoesNotContain("warning", result.Output, StringComparison.OrdinalIgnoreCase);
        return result.Output;
    }

    [GeneratedRegex(@"^ +LOAD ", RegexOptions.Multiline)]
    private static partial Regex LoadLine();
}
