using ProcMigrate.Engine.Contracts;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Tests.Image;
using ProcMigrate.Tests.Linux;
using Xunit;

namespace ProcMigrate.Tests.Engine;

/// <summary>Memory that arrives, put into this process: what is announced, and what then comes, may be anything.</summary>
public sealed class ArrivingMemoryTests : IDisposable
{
    private const int Pages = 4;
    private readonly TemporaryFolder folder = new();
    private readonly OwnMemory memory = new(Pages);
    private readonly byte[] content = SampleImage.Pages(Pages, 9);
    private readonly ProcessRecord process;

    public ArrivingMemoryTests()
    {
        memory.Protect(2, 2, OwnMemory.PROT_READ);
        ProcessRecord sample = SampleTree.Create().Processes[0];
        MappingRecord heap = sample.Mappings[1] with { Name = null, Guards = [] };
        process = sample with
        {
            Pid = Environment.ProcessId,
            ParentPid = 1,
            Threads = [sample.Threads[0] with { Tid = Environment.ProcessId }],
            Mappings =
            [
                .. sample.Mappings.Append(heap with { Start = memory.Start.Value, End = memory.Start.Value + 0x2000, Protection = OwnMemory.PROT_READ_WRITE })
                    .Append(heap with { Start = memory.Start.Value + 0x2000, End = memory.End.Value, Protection = OwnMemory.PROT_READ }).OrderBy(m => m.Start),
            ],
        };
    }

    public void Dispose()
    {
        memory.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void AllThatTheImageSays_GoesWhereItBelongs()
    {
        long loaded = 0;
        Load(Image("image", content), (take, offset) =>
        {
            // As frames come: in no order. The last two cannot be written by the process itself.
            Assert.True(take(process.Pid, memory.Start.Value + 0x3000, offset + 0x3000, content.AsSpan(0x3000)));
            Assert.True(take(process.Pid, memory.Start.Value, offset, content.AsSpan(0, 0x2000)));
            Assert.True(take(process.Pid, memory.Start.Value + 0x2000, offset + 0x2000, content.AsSpan(0x2000, 0x1000)));
        }, bytes => loaded += bytes);
        Assert.Equal(content, memory.Bytes.ToArray());
        Assert.Equal(content.Length, loaded);
    }

    [Fact]
    public void APageThatLacks_IsNoticed() => AssertRefused((take, offset) => take(process.Pid, memory.Start.Value, offset, content.AsSpan(0, 0x2000)));

    [Fact]
    public void APageThatComesTwice_IsNoticed() => AssertRefused((take, offset) =>
    {
        TakeAll(take, offset);
        take(process.Pid, memory.Start.Value, offset, content.AsSpan(0, 0x1000));
    });

    [Fact]
    public void APageFromAnotherPlaceOfTheImage_IsNoticed() => AssertRefused((take, offset) =>
    {
        take(process.Pid, memory.Start.Value, offset + 0x1000, content.AsSpan(0, 0x1000));
        take(process.Pid, memory.Start.Value + 0x1000, offset, content.AsSpan(0, 0x1000));
        take(process.Pid, memory.Start.Value + 0x2000, offset + 0x2000, content.AsSpan(0, 0x2000));
    });

    [Fact]
    public void PagesOverTheEndOfAMapping_AreRefused() => AssertRefused((take, offset) =>
        take(process.Pid, memory.Start.Value + 0x1000, offset, content.AsSpan(0, 0x2000)));

    [Fact]
    public void PagesOfNoMappingOrOfSomebodyElse_AreNotTaken() => Load(Image("image", content), (take, offset) =>
    {
        Assert.False(take(process.Pid, memory.End.Value + 0x1000_0000_0000, 0, content));
        Assert.False(take(process.Pid + 1, memory.Start.Value, offset, content));
        TakeAll(take, offset);
    });

    [Fact]
    public void AnotherTreeThanWasAnnounced_IsNoticed()
    {
        string other = Image("other", content, process with { Umask = 0 });
        var refused = Assert.Throws<ImageException>(() => Load(other, TakeAll));
        Assert.Equal(ImageError.Damaged, refused.Error);
    }

    private void TakeAll(PageTaker take, long offset)
    {
        take(process.Pid, memory.Start.Value, offset, content.AsSpan(0, 0x2000));
        take(process.Pid, memory.Start.Value + 0x2000, offset + 0x2000, content.AsSpan(0x2000));
    }

    private void AssertRefused(Action<PageTaker, long> send)
    {
        var refused = Assert.Throws<EngineException>(() => Load(Image("image", content), send));
        Assert.Equal("ImageDamaged", refused.Id);
    }

    private string Image(string name, byte[] pages, ProcessRecord? other = null)
    {
        ProcessRecord written = other ?? process;
        using ImageWriter writer = ImageWriter.Create(folder.File(name), overwrite: false);
        using (ProcessSection section = writer.BeginProcess(written.Pid))
        {
            for (int at = 0; at < pages.Length; at += 0x2000)
                section.WriteMemory(memory.Start.Value + (ulong)at, pages.AsSpan(at, 0x2000));
            section.Complete(SampleTree.Core(written), SampleTree.Mappings(written));
        }
        // What was announced and what came may differ in this one.
        writer.WriteTree(SampleTree.Create() with { Processes = [written with { MemoryBytes = pages.Length }] });
        writer.Commit();
        return folder.File(name);
    }

    private void Load(string path, Action<PageTaker, long> send, Action<long>? loaded = null)
    {
        using ImageReader description = ImageReader.Open(Image("description", []));
        using var context = new RestoreContext(new RestoreOptions { ImagePath = description.Path }, description);
        new ArrivingMemory(process, context).Load(new Arrival(path, process.Pid, send), loaded ?? (_ => { }));
        Assert.Equal(path, context.Image.Path);
    }

    private sealed class Arrival(string path, int pid, Action<PageTaker, long> send) : ArrivingImage
    {
        public override string Receive(PageTaker take)
        {
            long offset;
            using (ImageReader image = ImageReader.Open(path))
                offset = image.MemoryOf(pid)[0].Offset;
            send(take, offset);
            return path;
        }
    }
}
