using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.Tests.Linux;

/// <summary>Memory of a child, which says what it sees of it itself.</summary>
public sealed class ProcessMemoryTests : IDisposable
{
    // Tells where its pages are: writable, read-only, without any right, and a private one of its own program file; then, for
    // each line it reads, the first bytes of the first two and of the last.
    private const string Program = """
        #include <stdio.h>
        #include <string.h>
        #include <sys/mman.h>
        static const char constant[4096] __attribute__((aligned(4096))) = "constant";
        int main(void)
        {
            char *area = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[16];
            strcpy(area, "writable");
            strcpy(area + 4096, "readonly");
            strcpy(area + 8192, "hidden");
            mprotect(area + 4096, 4096, PROT_READ);
            mprotect(area + 8192, 4096, PROT_NONE);
            printf("%lx %lx\n", (long)area, (long)constant);
            fflush(stdout);
            while (fgets(line, sizeof line, stdin)) {
                printf("%.20s %.20s %.20s\n", area, area + 4096, constant);
                fflush(stdout);
            }
            return 0;
        }
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly Child _child;
    private readonly ProcessMemory _memory;
    private readonly RemoteAddress _area;
    private readonly RemoteAddress _constant;

    public ProcessMemoryTests()
    {
        _child = Child.Start(CProgram.Compile(_folder, [], ("memory.c", Program)));
        string[] addresses = _child.ReadLine().Split(' ');
        _area = new RemoteAddress(ulong.Parse(addresses[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        _constant = new RemoteAddress(ulong.Parse(addresses[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        _memory = ProcessMemory.Open(_child.Pid);
    }

    public void Dispose()
    {
        _memory.Dispose();
        _child.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void EveryProtection_IsRead()
    {
        Assert.Equal("writable"u8, _memory.Read(_area, 8));
        Assert.Equal("readonly"u8, _memory.Read(_area + 4096, 8));
        Assert.Equal("hidden"u8, _memory.Read(_area + 8192, 6));
    }

    /// <summary>The quick way stops at the page that nobody may read; the whole must come all the same.</summary>
    [Fact]
    public void AcrossPagesOfSeveralProtections()
    {
        byte[] all = _memory.Read(_area, 3 * 4096);
        Assert.Equal("writable"u8, all.AsSpan(0, 8));
        Assert.Equal("readonly"u8, all.AsSpan(4096, 8));
        Assert.Equal("hidden"u8, all.AsSpan(8192, 6));
    }

    [Fact]
    public void Writes_ReachEveryProtection_AndNotTheFileBehind()
    {
        byte[] program = File.ReadAllBytes($"/proc/{_child.Pid}/exe");
        _memory.Write(_area, "changed1"u8);
        _memory.Write(_area + 4096, "changed2"u8);
        _memory.Write(_constant, "changed3"u8);
        _child.WriteLine("show");
        Assert.Equal("changed1 changed2 changed3", _child.ReadLine());
        Assert.Equal(program, File.ReadAllBytes($"/proc/{_child.Pid}/exe"));
    }

    [Fact]
    public void WriteFast_HeedsProtection()
    {
        ProcessMemory.WriteFast(_child.Pid, _area, "quick"u8);
        Assert.Equal("quickble"u8, _memory.Read(_area, 8));
        LinuxException failure = Assert.Throws<LinuxException>(
            () => ProcessMemory.WriteFast(_child.Pid, _area + 4096, "quick"u8));
        Assert.Equal(Errno.EFAULT, failure.Errno);
        Assert.Equal("readonly"u8, _memory.Read(_area + 4096, 8));
    }

    [Fact]
    public void Numbers_AreReadAndWrittenAsTheyLie()
    {
        _memory.Write(_area + 16, 0x0102030405060708UL);
        Assert.Equal(0x0102030405060708UL, _memory.Read<ulong>(_area + 16));
        Assert.Equal(8, _memory.Read<byte>(_area + 16));
    }

    [Fact]
    public void NothingMapped_IsAnErrorThatNamesPlaceAndProcess()
    {
        LinuxException failure = Assert.Throws<LinuxException>(() => _memory.Read(new RemoteAddress(0x1000), 8));
        Assert.Equal($"8 bytes at 0x1000 of process {_child.Pid}", failure.Target);
    }
}
