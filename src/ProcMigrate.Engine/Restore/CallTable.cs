using System.Runtime.InteropServices;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>One row as <see cref="RestorerCode.Table"/> reads it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CallRow
{
    public ulong number;
    public ulong a;
    public ulong b;
    public ulong c;
    public ulong d;
    public ulong e;
    public ulong f;
    public long result;
}

/// <summary>
/// Many system calls in one go: they are written into the tracee as a table, which its own loop works off, one stop for
/// all. The first call that fails ends it, and its words say what it was for; unless its failure has an answer.
/// </summary>
internal sealed class CallTable(OwnedThread thread, RestorerArea area)
{
    private readonly List<CallRow> _rows = [];
    private readonly List<(string What, long? Expected, Func<int, bool>? Failed)> _meanings = [];
    private readonly List<byte> _data = [];

    /// <param name="what">For the error message: what the call is for.</param>
    /// <param name="expected">The only good result, or null where any but an error is.</param>
    /// <param name="failed">Told of the errno of a failure; true where the other calls are to be made all the same.</param>
    public void Add(
        SyscallNumber number, string what, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0,
        long? expected = null, Func<int, bool>? failed = null)
    {
        _rows.Add(new CallRow { number = (ulong)number, a = a, b = b, c = c, d = d, e = e, f = f });
        _meanings.Add((what, expected, failed));
        // Not before adding: data of this very call would be gone.
        if (_rows.Count == RestorerArea.MaxRows)
            Run();
    }

    /// <summary>Puts data beside the table for the one call that is added next; the address it will have.</summary>
    public RemoteAddress Data(ReadOnlySpan<byte> bytes)
    {
        if (_data.Count + bytes.Length + 8 > RestorerArea.DataLength)
            Run();
        while (_data.Count % 8 != 0)
            _data.Add(0);
        RemoteAddress address = area.Data + (ulong)_data.Count;
        _data.AddRange(bytes);
        return address;
    }

    public RemoteAddress Data<T>(T value)
        where T : unmanaged => Data(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    public RemoteAddress Text(string text) => Data(CString.Of(text));

    /// <summary>Makes all calls added so far.</summary>
    public void Run()
    {
        if (_rows.Count == 0)
            return;
        if (_data.Count > 0)
            ProcessMemory.WriteFast(area.Pid, area.Data, CollectionsMarshal.AsSpan(_data));
        ProcessMemory.WriteFast(area.Pid, area.Table, MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_rows)));
        // The loop stops at a call that has failed; where that is no harm, it goes on behind it.
        for (int next = 0; next < _rows.Count;)
        {
            int stopped = _rows.Count - RunLoop(next);
            CheckResults(next, stopped);
            next = stopped + 1;
        }
        _rows.Clear();
        _meanings.Clear();
        _data.Clear();
    }

    /// <returns>Rows left over: none, or the first of them has failed.</returns>
    private int RunLoop(int first)
    {
        const int SIGTRAP = 5;
        UserRegisters registers = Tracer.GetRegisters(thread.Tid);
        registers.rip = area.Code.Value + RestorerCode.Table;
        registers.orig_rax = ulong.MaxValue;
        registers.rbx = area.Table.Value + (ulong)(first * Marshal.SizeOf<CallRow>());
        registers.rbp = (ulong)(_rows.Count - first);
        Tracer.SetRegisters(thread.Tid, registers);
        WaitStatus status;
        do
        {
            Tracer.Continue(thread.Tid);
            status = thread.Wait();
        }
        while (!status.IsSignalDelivery);
        if (status.StopSignal != SIGTRAP)
        {
            throw new EngineException(
                "RestoreDied", FailureClass.Failed, $"Thread {thread.Tid} got signal {status.StopSignal} while it was being restored.");
        }
        return (int)Tracer.GetRegisters(thread.Tid).rbp;
    }

    private void CheckResults(int first, int stopped)
    {
        int rows = Math.Min(stopped + 1, _rows.Count) - first;
        byte[] bytes = new byte[rows * Marshal.SizeOf<CallRow>()];
        using ProcessMemory memory = ProcessMemory.Open(area.Pid);
        memory.Read(area.Table + (ulong)(first * Marshal.SizeOf<CallRow>()), bytes);
        ReadOnlySpan<CallRow> results = MemoryMarshal.Cast<byte, CallRow>(bytes);
        for (int i = 0; i < rows; i++)
            CheckResult(first + i, results[i].result);
    }

    private void CheckResult(int row, long result)
    {
        (string what, long? expected, Func<int, bool>? failed) = _meanings[row];
        string call = ((SyscallNumber)_rows[row].number).ToString();
        if (RawSyscall.IsError(result) && failed?.Invoke((int)-result) == true)
            return;
        RawSyscall.Check(result, call, what);
        if (expected is { } only && result != only)
        {
            throw new EngineException(
                "RestoreFailed", FailureClass.Failed, $"{call} for {what} answered {result}, {only} was expected.");
        }
    }
}
