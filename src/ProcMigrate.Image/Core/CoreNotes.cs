using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace ProcMigrate.Image.Core;

/// <summary>Writes the notes of a core in the order of the kernel's own dumps: the first thread with the process's notes, then the others.</summary>
internal sealed class CoreNotes(Stream output)
{
    private const uint PrStatus = 1;
    private const uint FpRegSet = 2;
    private const uint PrPsInfo = 3;
    private const uint Auxv = 6;
    private const uint X86XState = 0x202;
    private const uint SigInfo = 0x53494749;
    private const uint MappedFiles = 0x46494C45;

    private const int LongestCharacter = 4;

    public const int RegistersLength = ElfRegisters.Count * sizeof(ulong);
    public const int FloatingPointLength = 512;
    public const int SignalInfoLength = 128;

    /// <summary>The letters in the order of the kernel's task states; the position is pr_state.</summary>
    private const string StateLetters = "RSDTZW";

    public void Write(CoreProcess core)
    {
        for (var i = 0; i < core.Threads.Count; i++)
        {
            var thread = core.Threads[i];
            WriteStatus(core, thread);
            if (i == 0) WriteInfo(core);
            if (thread.SignalInfo is not null) Note("CORE", SigInfo, thread.SignalInfo);
            if (i == 0)
            {
                Note("CORE", Auxv, core.AuxiliaryVector);
                if (core.Files.Count > 0) WriteFiles(core.Files);
            }
            Note("CORE", FpRegSet, thread.FloatingPoint);
            if (thread.ExtendedState.Length > 0) Note("LINUX", X86XState, thread.ExtendedState);
        }
    }

    private void WriteStatus(CoreProcess core, CoreThread thread)
    {
        var status = new ElfProcessStatus
        {
            CurrentSignal = thread.CurrentSignal,
            SignalNumber = thread.CurrentSignal,
            PendingSignals = thread.PendingSignals,
            HeldSignals = thread.SignalMask,
            Pid = thread.Tid,
            ParentPid = core.ParentPid,
            GroupId = core.GroupId,
            SessionId = core.SessionId,
            FloatingPointValid = 1,
        };
        MemoryMarshal.Cast<byte, ulong>(thread.Registers).CopyTo(status.Registers);
        Note("CORE", PrStatus, MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref status, 1)));
    }

    private void WriteInfo(CoreProcess core)
    {
        var info = new ElfProcessInfo
        {
            State = (byte)Math.Max(0, StateLetters.IndexOf(core.State, StringComparison.Ordinal)),
            StateLetter = (byte)core.State,
            Zombie = core.State == 'Z' ? (byte)1 : (byte)0,
            Nice = (sbyte)core.Nice,
            Uid = core.Uid,
            Gid = core.Gid,
            Pid = core.Pid,
            ParentPid = core.ParentPid,
            GroupId = core.GroupId,
            SessionId = core.SessionId,
        };
        CopyText(core.Name, info.Name);
        CopyText(core.Arguments, info.Arguments);
        Note("CORE", PrPsInfo, MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref info, 1)));
    }

    private void WriteFiles(IReadOnlyList<CoreFile> files)
    {
        using var body = new MemoryStream();
        Word(body, (ulong)files.Count);
        Word(body, ImageLimits.PageSize);
        foreach (var file in files)
        {
            Word(body, file.Start);
            Word(body, file.End);
            Word(body, file.PageOffset);
        }
        foreach (var file in files)
        {
            body.Write(ForeignText.Encode(file.Path, spare: 1));
        }
        Note("CORE", MappedFiles, body.GetBuffer().AsSpan(0, (int)body.Length));
    }

    private void Note(string name, uint type, ReadOnlySpan<byte> description)
    {
        Span<byte> head = stackalloc byte[12 + 8];
        BinaryPrimitives.WriteInt32LittleEndian(head, name.Length + 1);
        BinaryPrimitives.WriteInt32LittleEndian(head[4..], description.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(head[8..], type);
        head[12..].Clear();
        Encoding.ASCII.GetBytes(name, head[12..]);
        output.Write(head);
        output.Write(description);
        ReadOnlySpan<byte> padding = [0, 0, 0];
        output.Write(padding[..(-description.Length & 3)]);
    }

    private static void Word(MemoryStream stream, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        stream.Write(bytes);
    }

    /// <summary>As much of the text as fits before the final NUL; never half a character.</summary>
    private static void CopyText(string text, Span<byte> target)
    {
        ReadOnlySpan<byte> bytes = ForeignText.Encode(text, spare: 0);
        var length = Math.Min(bytes.Length, target.Length - 1);
        for (var left = LongestCharacter; left > 1 && length > 0 && length < bytes.Length && (bytes[length] & 0xc0) == 0x80; left--) length--;
        bytes[..length].CopyTo(target);
    }
}
