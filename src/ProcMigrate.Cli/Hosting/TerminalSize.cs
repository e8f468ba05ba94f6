using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Cli.Hosting;

/// <summary>
/// The width of the terminal on stderr. Not by Console: its first use of a terminal puts the keypad into application mode, and
/// a restored program would inherit that.
/// </summary>
internal static class TerminalSize
{
    private const int StandardError = 2;
    private const int TIOCGWINSZ = 0x5413;

    /// <summary>0 where it is not known.</summary>
    public static unsafe int Columns()
    {
        // struct winsize: ws_row, ws_col, ws_xpixel, ws_ypixel, an unsigned short each.
        var size = stackalloc ushort[4];
        return RawSyscall.Try(SyscallNumber.ioctl, StandardError, TIOCGWINSZ, (nint)size) == 0 ? size[1] : 0;
    }
}
