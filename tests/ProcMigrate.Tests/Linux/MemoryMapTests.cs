using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.Tests.Linux;

public class MemoryMapTests
{
    /// <summary>Taken from /proc/PID/smaps of Linux 6.18, some lines of each mapping left out.</summary>
    private const string Smaps = """
        558c2f7b8000-558c2f7ba000 r--p 00000000 fe:00 1835023                    /usr/bin/sleep
        Size:                  8 kB
        Rss:                   8 kB
        ProtectionKey:         0
        VmFlags: rd mr mw me sd 
        558c2f7ba000-558c2f7be000 r-xp 00002000 fe:00 1835023                    /usr/bin/sleep
        VmFlags: rd ex mr mw me sd 
        7f3d8c000000-7f3d8c021000 rw-p 00000000 00:00 0 
        Size:                132 kB
        KernelPageSize:        4 kB
        FilePmdMapped:         0 kB
        THPeligible:           0
        ProtectionKey:         3
        VmFlags: rd wr mr mw me nr sd 
        7f3d94a00000-7f3d94b00000 rw-s 00000000 00:01 1029                       /memfd:odd  name (deleted)
        VmFlags: rd wr sh mr mw me ms sd 
        7f3d94c00000-7f3d94c01000 r--s 00005000 103:1f 77                         /tmp/two\012lines (deleted)
        VmFlags: rd sh mr mw me ms sd 
        7f3d94d00000-7f3d94d01000 rw-p 00000000 00:00 0                          [anon:Some: name]
        7ffd0f9f3000-7ffd0fa14000 rw-p 00000000 00:00 0                          [stack]
        VmFlags: rd wr mr mw me gd ac 
        7ffd0fb8e000-7ffd0fb92000 r--p 00000000 00:00 0                          [vvar]
        VmFlags: rd mr pf io de dd sd 
        7ffd0fb94000-7ffd0fb96000 r-xp 00000000 00:00 0                          [vdso]
        ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
        VmFlags: ex 

        """;

    private static readonly List<MemoryMap> Maps = MemoryMap.Parse(Smaps);

    [Fact]
    public void AFile_WithOffsetDeviceAndInode()
    {
        MemoryMap map = Maps[1];
        Assert.Equal(
            (0x558c2f7ba000UL, 0x558c2f7be000UL, 0x2000UL, 0xfeU, 0U, 1835023UL, "/usr/bin/sleep"),
            (map.Start.Value, map.End.Value, map.Offset, map.DeviceMajor, map.DeviceMinor, map.Inode, map.Name));
        Assert.Equal((true, false, true, false, 5), (map.Read, map.Write, map.Execute, map.Shared, map.Protection));
        Assert.Equal(["rd", "ex", "mr", "mw", "me", "sd"], map.VmFlags);
        Assert.True(map.HasFile);
        Assert.Equal(0x4000UL, map.Length);
    }

    [Fact]
    public void NumbersOfDevices_AreHexadecimal_InodesDecimal()
    {
        Assert.Equal((0x103U, 0x1fU, 77UL), (Maps[4].DeviceMajor, Maps[4].DeviceMinor, Maps[4].Inode));
    }

    [Fact]
    public void Anonymous_HasNoNameAndNoFile()
    {
        Assert.Equal("", Maps[2].Name);
        Assert.False(Maps[2].HasFile);
        Assert.Equal(3, Maps[2].ProtectionKey);
        Assert.Equal(3, Maps[2].Protection);
    }

    [Fact]
    public void Names_KeepSpacesAndNewlines()
    {
        Assert.Equal("/memfd:odd  name (deleted)", Maps[3].Name);
        Assert.True(Maps[3].Shared);
        Assert.Equal("/tmp/two\nlines (deleted)", Maps[4].Name);
        Assert.Equal("[anon:Some: name]", Maps[5].Name);
        Assert.Equal(["[stack]", "[vvar]", "[vdso]", "[vsyscall]"], Maps.Skip(6).Select(m => m.Name));
    }

    [Fact]
    public void Vsyscall_LiesAboveHalfOfTheAddresses()
    {
        MemoryMap last = Maps[^1];
        Assert.Equal((0xffffffffff600000UL, 0xffffffffff601000UL, 4), (last.Start.Value, last.End.Value, last.Protection));
        Assert.Equal(["ex"], last.VmFlags);
        Assert.Equal(10, Maps.Count);
    }

    /// <summary>The same from the kernel itself, for a file with every odd name that the kernel has a rule for.</summary>
    [Theory]
    [InlineData("plain")]
    [InlineData(" begins and ends with spaces ")]
    [InlineData("two\nlines\n")]
    [InlineData("Rss: 5 kB\nVmFlags: zz")]
    [InlineData("tab\tand (deleted)")]
    [InlineData("größe 語 \udcff")]
    public void AMappedFile_IsFoundUnderItsName(string name)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File(name);
        using (Descriptor file = FileCalls.Open(path, OpenFlags.O_CREAT | OpenFlags.O_RDWR, 0x180 /* 0600 */))
        {
            FileCalls.WriteAt(file, new byte[3 * PageSize.Bytes], 0);
            using var memory = new OwnMemory(3, OwnMemory.MAP_SHARED, OwnMemory.PROT_READ, file.Number);
            MemoryMap map = Assert.Single(MemoryMap.ReadSmaps(Environment.ProcessId), m => m.Name == path);
            FileStatus status = FileStatus.Of(file);
            Assert.Equal((memory.Start, memory.End, status.Inode), (map.Start, map.End, map.Inode));
            Assert.Contains("sh", map.VmFlags);
            FileCalls_Unlink(path);
            Assert.Single(MemoryMap.ReadMaps(Environment.ProcessId), m => m.Name == path + " (deleted)" && m.Start == memory.Start);
        }
    }

    [Fact]
    public void OwnMaps_AreInOrder_AndAsManyAsLines()
    {
        List<MemoryMap> maps = MemoryMap.ReadMaps(Environment.ProcessId);
        Assert.Contains(maps, m => m.Name == "[vdso]");
        Assert.All(maps, m => Assert.True(m.Start < m.End));
        Assert.All(maps.Zip(maps.Skip(1)), pair => Assert.True(pair.First.End <= pair.Second.Start));
        string text = string.Create(CultureInfo.InvariantCulture, $"{maps[0].Start.Value:x}-{maps[0].End.Value:x} ");
        Assert.StartsWith(text, FileCalls.ReadText("/proc/self/maps"), StringComparison.Ordinal);
    }

    /// <summary>.NET cannot name files that are no UTF-8.</summary>
    private static unsafe void FileCalls_Unlink(string path)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(ProcMigrate.Linux.X64.SyscallNumber.unlink, path, (nint)p);
    }
}
