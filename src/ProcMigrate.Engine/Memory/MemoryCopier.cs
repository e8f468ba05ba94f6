using System.Buffers;
using System.Runtime.ExceptionServices;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;

namespace ProcMigrate.Engine.Memory;

/// <summary>
/// Copies pages of a frozen process into its image, by several threads: each reads a piece, drops what is zero, and writes.
/// Reading another process's memory asks no ptrace call, so any thread may.
/// </summary>
internal sealed class MemoryCopier(TracedProcess process, ProcessSection section, Action<long> copied, CancellationToken cancel)
{
    private const int PieceBytes = 1 << 20;
    private const int MaxThreads = 4;

    // Of a tree of hundreds of small processes, starting threads would take longer than the copy.
    private const int BytesWorthAThread = 8 << 20;

    private long _stored;

    /// <returns>Bytes stored.</returns>
    public long Copy(IReadOnlyList<PageRange> ranges)
    {
        List<(RemoteAddress Start, int Length, PageCategory Marks)> pieces = Split(ranges);
        int next = -1;
        ExceptionDispatchInfo? failure = null;
        // Opened here, not lazily by several threads at once.
        ProcessMemory memory = process.Memory;
        void Work()
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
            try
            {
                for (int i; failure is null && (i = Interlocked.Increment(ref next)) < pieces.Count;)
                    CopyPiece(memory, pieces[i].Start, buffer.AsSpan(0, pieces[i].Length), pieces[i].Marks);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
        int helpers = Math.Min(Math.Min(Environment.ProcessorCount, MaxThreads) - 1, (int)(pieces.Sum(p => (long)p.Length) / BytesWorthAThread));
        List<Thread> threads = [.. Enumerable.Range(0, Math.Max(helpers, 0)).Select(_ => new Thread(Work))];
        threads.ForEach(t => t.Start());
        Work();
        threads.ForEach(t => t.Join());
        failure?.Throw();
        return _stored;
    }

    private void CopyPiece(ProcessMemory memory, RemoteAddress start, Span<byte> buffer, PageCategory marks)
    {
        cancel.ThrowIfCancellationRequested();
        if ((marks & StoredPages.WithOthers) != 0)
            memory.Read(start, buffer);
        else
            memory.ReadUnshared(start, buffer);
        bool keepZero = (marks & StoredPages.OverFile) != 0;
        if (keepZero)
        {
            section.WriteMemory(start.Value, buffer);
            Interlocked.Add(ref _stored, buffer.Length);
        }
        for (int from = keepZero ? buffer.Length : 0; ZeroPages.NextRun(buffer, from, out int at, out int length); from = at + length)
        {
            section.WriteMemory(start.Value + (ulong)at, buffer.Slice(at, length));
            Interlocked.Add(ref _stored, length);
        }
        copied(buffer.Length);
    }

    private static List<(RemoteAddress Start, int Length, PageCategory Marks)> Split(IReadOnlyList<PageRange> ranges)
    {
        var pieces = new List<(RemoteAddress, int, PageCategory)>();
        foreach (PageRange range in ranges)
        {
            for (RemoteAddress at = range.Start; at < range.End; at += PieceBytes)
                pieces.Add((at, (int)Math.Min(PieceBytes, range.End - at), range.Categories));
        }
        return pieces;
    }
}
