using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Terminals;

/// <summary>ioctls of terminals (ioctl_tty(2)). On the master of a pty most of them speak of its slave.</summary>
public static unsafe class TerminalCalls
{
    public const uint TIOCSCTTY = 0x540E;
    public const uint TIOCSPGRP = 0x5410;
    public const uint TIOCNOTTY = 0x5422;

    private const uint TIOCEXCL = 0x540C;
    private const uint TIOCGPGRP = 0x540F;
    private const uint TIOCGWINSZ = 0x5413;
    private const uint TIOCSWINSZ = 0x5414;
    private const uint FIONREAD = 0x541B;
    private const uint TIOCPKT = 0x5420;
    private const uint TIOCGLCKTRMIOS = 0x5456;
    private const uint TIOCSLCKTRMIOS = 0x5457;
    private const uint TCGETS2 = 0x802C542A;
    private const uint TCSETS2 = 0x402C542B;
    private const uint TCSETSW2 = 0x402C542C;
    private const uint TIOCGPTN = 0x80045430;
    private const uint TIOCSPTLCK = 0x40045431;
    private const uint TIOCGDEV = 0x80045432;
    private const uint TIOCGPKT = 0x80045438;
    private const uint TIOCGPTLCK = 0x80045439;
    private const uint TIOCGEXCL = 0x80045440;

    /// <summary>Whether a descriptor is a terminal that still answers.</summary>
    public static bool IsTerminal(int fd)
    {
        Termios2 settings;
        return RawSyscall.Try(SyscallNumber.ioctl, fd, unchecked((nint)TCGETS2), (nint)(&settings)) == 0;
    }

    public static Termios2 GetSettings(Descriptor terminal)
    {
        Termios2 settings;
        Call(terminal, TCGETS2, (nint)(&settings), "TCGETS2");
        return settings;
    }

    public static void SetSettings(Descriptor terminal, Termios2 settings) => Call(terminal, TCSETS2, (nint)(&settings), "TCSETS2");

    /// <summary>Lets what was written out first.</summary>
    public static void SetSettingsAfterOutput(Descriptor terminal, Termios2 settings) =>
        Call(terminal, TCSETSW2, (nint)(&settings), "TCSETSW2");

    /// <summary>Which settings TIOCSLCKTRMIOS has locked: struct termios of the kernel, one bit a bit.</summary>
    public static byte[] GetLockedSettings(Descriptor terminal)
    {
        byte[] locked = new byte[LockedSettingsSize];
        fixed (byte* p = locked)
            Call(terminal, TIOCGLCKTRMIOS, (nint)p, "TIOCGLCKTRMIOS");
        return locked;
    }

    public static void SetLockedSettings(Descriptor terminal, ReadOnlySpan<byte> locked)
    {
        fixed (byte* p = locked)
            Call(terminal, TIOCSLCKTRMIOS, (nint)p, "TIOCSLCKTRMIOS");
    }

    public static WindowSize GetWindowSize(Descriptor terminal)
    {
        WindowSize size;
        Call(terminal, TIOCGWINSZ, (nint)(&size), "TIOCGWINSZ");
        return size;
    }

    public static void SetWindowSize(Descriptor terminal, WindowSize size) => Call(terminal, TIOCSWINSZ, (nint)(&size), "TIOCSWINSZ");

    /// <summary>The terminal really behind a descriptor (/dev/tty and /dev/console are names for others); null where it has hung up.</summary>
    public static DeviceNumber? GetDevice(Descriptor terminal)
    {
        uint packed;
        long result = RawSyscall.Try(SyscallNumber.ioctl, terminal.Number, unchecked((nint)TIOCGDEV), (nint)(&packed));
        if (result == -Errno.EIO)
            return null;
        RawSyscall.Check(result, "ioctl(TIOCGDEV)", $"descriptor {terminal.Number}");
        return DeviceNumber.Decode(packed);
    }

    /// <summary>Bytes that a read would get now; of an unfinished line in canonical mode the kernel tells nothing.</summary>
    public static int Readable(Descriptor terminal) => GetInt(terminal, FIONREAD, "FIONREAD");

    /// <summary>N of a master's /dev/pts/N.</summary>
    public static int GetPtyNumber(Descriptor master) => GetInt(master, TIOCGPTN, "TIOCGPTN");

    public static bool GetPtyLock(Descriptor master) => GetInt(master, TIOCGPTLCK, "TIOCGPTLCK") != 0;

    public static void SetPtyLock(Descriptor master, bool locked) => SetInt(master, TIOCSPTLCK, locked, "TIOCSPTLCK");

    public static bool GetPacketMode(Descriptor master) => GetInt(master, TIOCGPKT, "TIOCGPKT") != 0;

    public static void SetPacketMode(Descriptor master, bool on) => SetInt(master, TIOCPKT, on, "TIOCPKT");

    public static bool GetExclusive(Descriptor terminal) => GetInt(terminal, TIOCGEXCL, "TIOCGEXCL") != 0;

    public static void SetExclusive(Descriptor terminal) => Call(terminal, TIOCEXCL, 0, "TIOCEXCL");

    /// <returns>Null where the terminal is not the caller's controlling one.</returns>
    public static int? TryGetForegroundGroup(Descriptor terminal)
    {
        int group;
        return RawSyscall.Try(SyscallNumber.ioctl, terminal.Number, unchecked((nint)TIOCGPGRP), (nint)(&group)) == 0 ? group : null;
    }

    /// <summary>For the caller's controlling terminal; who is not in its foreground must have SIGTTOU blocked.</summary>
    public static void SetForegroundGroup(Descriptor terminal, int group) => Call(terminal, TIOCSPGRP, (nint)(&group), "TIOCSPGRP");

    private const int LockedSettingsSize = 36;

    private static int GetInt(Descriptor terminal, uint request, string name)
    {
        int value = 0;
        Call(terminal, request, (nint)(&value), name);
        return value;
    }

    private static void SetInt(Descriptor terminal, uint request, bool on, string name)
    {
        int value = on ? 1 : 0;
        Call(terminal, request, (nint)(&value), name);
    }

    private static void Call(Descriptor terminal, uint request, nint argument, string name) =>
        RawSyscall.Check(
            RawSyscall.Try(SyscallNumber.ioctl, terminal.Number, unchecked((nint)request), argument),
            $"ioctl({name})", $"terminal on descriptor {terminal.Number}");
}
