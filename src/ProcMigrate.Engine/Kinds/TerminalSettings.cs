using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Terminals;

namespace ProcMigrate.Engine.Kinds;

/// <summary>How a terminal is set (termios(3)) and how large it is.</summary>
internal sealed record TerminalSettings
{
    public required uint Input { get; init; }
    public required uint Output { get; init; }
    public required uint Control { get; init; }
    public required uint Local { get; init; }
    public required int Discipline { get; init; }
    public required byte[] Characters { get; init; }
    public required uint InputSpeed { get; init; }
    public required uint OutputSpeed { get; init; }
    public required int Rows { get; init; }
    public required int Columns { get; init; }
    public required int PixelWidth { get; init; }
    public required int PixelHeight { get; init; }

    // Not public, as the serializer would have code for its type.
    internal WindowSize Size => new()
    {
        ws_row = (ushort)Rows,
        ws_col = (ushort)Columns,
        ws_xpixel = (ushort)PixelWidth,
        ws_ypixel = (ushort)PixelHeight,
    };

    public static unsafe TerminalSettings Of(Descriptor terminal)
    {
        Termios2 t = TerminalCalls.GetSettings(terminal);
        WindowSize size = TerminalCalls.GetWindowSize(terminal);
        return new TerminalSettings
        {
            Input = t.c_iflag,
            Output = t.c_oflag,
            Control = t.c_cflag,
            Local = t.c_lflag,
            Discipline = t.c_line,
            Characters = new ReadOnlySpan<byte>(t.c_cc, Termios2.ControlCharacters).ToArray(),
            InputSpeed = t.c_ispeed,
            OutputSpeed = t.c_ospeed,
            Rows = size.ws_row,
            Columns = size.ws_col,
            PixelWidth = size.ws_xpixel,
            PixelHeight = size.ws_ypixel,
        };
    }

    public unsafe Termios2 ToTermios()
    {
        var t = new Termios2
        {
            c_iflag = Input,
            c_oflag = Output,
            c_cflag = Control,
            c_lflag = Local,
            c_line = (byte)Discipline,
            c_ispeed = InputSpeed,
            c_ospeed = OutputSpeed,
        };
        Characters.AsSpan(0, Math.Min(Characters.Length, Termios2.ControlCharacters))
            .CopyTo(new Span<byte>(t.c_cc, Termios2.ControlCharacters));
        return t;
    }
}
