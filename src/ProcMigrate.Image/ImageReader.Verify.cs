using System.Buffers;
using System.Runtime.ExceptionServices;
using ProcMigrate.Image.Format;

namespace ProcMigrate.Image;

public sealed partial class ImageReader
{
    private const int MaxVerifyThreads = 4;
    private const int BytesWorthAThread = 8 << 20;

    /// <summary>Checks the checksum of all memory and object data, and that nothing hides between extents.</summary>
    /// <param name="progress">Told bytes done and bytes in all, on the calling thread.</param>
    /// <exception cref="ImageException">The first extent, by place in the file, that is damaged.</exception>
    public void VerifyMemory(Action<long, long>? progress, CancellationToken cancel)
    {
        var pass = new VerifyPass(this, cancel);
        var helpers = Math.Min(Math.Min(MaxVerifyThreads, Environment.ProcessorCount), pass.Total / BytesWorthAThread) - 1;
        var threads = new List<Thread>();
        try
        {
            for (var i = 0; i < helpers; i++)
            {
                var thread = new Thread(() => pass.Run(null)) { IsBackground = true, Name = "verify" };
                thread.Start();
                threads.Add(thread);
            }
            pass.Run(progress);
        }
        finally
        {
            foreach (var thread in threads) thread.Join();
        }
        cancel.ThrowIfCancellationRequested();
        pass.ThrowIfFailed();
        progress?.Invoke(pass.Total, pass.Total);
    }

    /// <summary>The work that the threads share: extents are taken one by one, in file order.</summary>
    private sealed class VerifyPass(ImageReader reader, CancellationToken cancel)
    {
        private readonly Lock gate = new();
        private int next = -1;
        private int failedAt = int.MaxValue;
        private Exception? failure;
        private long done;

        public long Total { get; } = reader.entries.Sum(e => e.IsData ? e.StoredLength : 0);

        public void Run(Action<long, long>? progress)
        {
            // One more than there are entries: the last gap lies before the index.
            int number;
            while (!cancel.IsCancellationRequested && (number = Interlocked.Increment(ref next)) <= reader.entries.Length)
            {
                try
                {
                    CheckGap(number);
                    if (number < reader.entries.Length && reader.entries[number].IsData) CheckData(reader.entries[number], progress);
                }
                catch (Exception e)
                {
                    Fail(number, e);
                }
                if (number >= Volatile.Read(ref failedAt)) return;
            }
        }

        public void ThrowIfFailed()
        {
            if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        }

        private void CheckGap(int number)
        {
            var start = number == 0 ? 0 : reader.entries[number - 1].End;
            var end = number == reader.entries.Length ? reader.indexOffset : reader.entries[number].Offset;
            if (start == end) return;
            Span<byte> gap = stackalloc byte[(int)(end - start)]; // the index was refused if this were a page or more
            reader.source.Read(gap, start);
            if (gap.ContainsAnyExcept((byte)0)) throw reader.Faults.Damaged($"the padding at {start} is not zero");
        }

        private void CheckData(in IndexEntry entry, Action<long, long>? progress)
        {
            if (entry.Codec == ExtentCodec.Lz4)
            {
                CheckPacked(entry);
                progress?.Invoke(Interlocked.Add(ref done, entry.StoredLength), Total);
                return;
            }
            var crc = reader.source.Checksum(entry.Offset, entry.StoredLength, block =>
            {
                cancel.ThrowIfCancellationRequested();
                var soFar = Interlocked.Add(ref done, block.Length);
                progress?.Invoke(soFar, Total);
            });
            if (crc != entry.Crc32C) throw reader.Faults.Damaged($"wrong checksum of the {entry}");
        }

        /// <summary>That it unpacks is part of the proof.</summary>
        private void CheckPacked(in IndexEntry entry)
        {
            cancel.ThrowIfCancellationRequested();
            var raw = ArrayPool<byte>.Shared.Rent((int)entry.RawLength);
            try
            {
                reader.Read(entry.ToExtent(), raw);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(raw);
            }
        }

        private void Fail(int number, Exception e)
        {
            lock (gate)
                if (number < failedAt) (failedAt, failure) = (number, e);
        }
    }
}
