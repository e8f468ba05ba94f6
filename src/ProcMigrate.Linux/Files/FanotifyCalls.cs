using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>fanotify_init(2) and fanotify_mark(2); constants of linux/fanotify.h.</summary>
public static unsafe class FanotifyCalls
{
    public const uint FAN_CLASS_CONTENT = 0x4;
    public const uint FAN_CLASS_PRE_CONTENT = 0x8;

    public const uint FAN_MARK_ADD = 0x1;
    public const uint FAN_MARK_DONT_FOLLOW = 0x4;
    public const uint FAN_MARK_MOUNT = 0x10;
    public const uint FAN_MARK_IGNORED_MASK = 0x20;
    public const uint FAN_MARK_FILESYSTEM = 0x100;
    public const uint FAN_MARK_IGNORE = 0x400;

    private const int AT_FDCWD = -100;

    /// <param name="eventFlags">Of the descriptors that come with events.</param>
    public static Descriptor Create(uint flags, uint eventFlags) =>
        new((int)RawSyscall.Call(SyscallNumber.fanotify_init, "a new fanotify group", (nint)flags, (nint)eventFlags));

    public static void Mark(Descriptor group, uint flags, uint mask, string path)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.fanotify_mark, path, group.Number, (nint)flags, (nint)mask, AT_FDCWD, (nint)p);
    }
}
