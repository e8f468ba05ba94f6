using System.Buffers.Binary;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>
/// What .NET can do with paths, too, but not with those that are not UTF-8: its own calls on files are only for names that we have
/// chosen ourselves.
/// </summary>
public static unsafe class PathCalls
{
    private const int BufferSize = 32 << 10;

    // struct linux_dirent64: d_ino and d_off of 8 bytes each, d_reclen, d_type, d_name.
    private const int LengthOffset = 16, NameOffset = 19;

    /// <summary>Absolute, from this process's working folder.</summary>
    public static string Full(string path) => ForeignPath.Full(path);

    public static bool IsFolder(string path) => FileStatus.TryOfPath(path) is { Type: FileType.Directory };

    /// <summary>Whether anything has this name, be it a link to nowhere.</summary>
    public static bool Exists(string path) => FileStatus.TryOfPath(path, follow: false) is not null;

    /// <summary>Full paths of all that is in a folder, in its own order.</summary>
    public static List<string> Entries(string folder)
    {
        using Descriptor file = FileCalls.Open(folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        string prefix = folder.EndsWith('/') ? folder : folder + "/";
        var paths = new List<string>();
        foreach (string name in Names(file, folder))
            paths.Add(prefix + name);
        return paths;
    }

    /// <summary>The names in an open folder, from its start or where it was read to. Read as they are asked for, so that there may be any number.</summary>
    /// <param name="path">For messages.</param>
    public static IEnumerable<string> Names(Descriptor folder, string path)
    {
        byte[] buffer = new byte[BufferSize];
        while (true)
        {
            List<string> names = Parse(buffer.AsSpan(0, Read(folder, path, buffer)));
            if (names.Count == 0)
                yield break;
            foreach (string name in names)
            {
                if (name is not ("." or ".."))
                    yield return name;
            }
        }
    }

    private static int Read(Descriptor folder, string path, byte[] buffer)
    {
        fixed (byte* p = buffer)
            return (int)RawSyscall.Call(SyscallNumber.getdents64, path, folder.Number, (nint)p, buffer.Length);
    }

    private static List<string> Parse(ReadOnlySpan<byte> entries)
    {
        List<string> names = [];
        while (!entries.IsEmpty)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(entries[LengthOffset..]);
            ReadOnlySpan<byte> name = entries[NameOffset..length];
            names.Add(CString.Decode(name[..name.IndexOf((byte)0)]));
            entries = entries[length..];
        }
        return names;
    }

    public static void Rename(string from, string to)
    {
        fixed (byte* source = CString.Of(from))
        fixed (byte* target = CString.Of(to))
            RawSyscall.Call(SyscallNumber.rename, $"{from} to {to}", (nint)source, (nint)target);
    }

    /// <summary>Unlinks what may be gone by now.</summary>
    public static void TryUnlink(string path)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Try(SyscallNumber.unlink, (nint)p);
    }

    /// <summary>Bytes that are free for us where a folder lies.</summary>
    public static long FreeBytes(string folder)
    {
        using Descriptor file = FileCalls.Open(folder, OpenFlags.O_PATH);
        FileSystemStatus status = FileSystem.Of(file);
        return (long)Math.Min(status.f_bavail * (ulong)status.f_bsize, long.MaxValue);
    }
}
