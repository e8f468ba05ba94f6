using ProcMigrate.Linux.ProcFs;
using Xunit;

namespace ProcMigrate.Tests.Linux;

public sealed class ProcFoldersTests
{
    [Fact]
    public void DescriptorLinks_WhileOthersAreClosed_StillHoldThoseThatStay()
    {
        using var many = new CancellationTokenSource();
        string kept = Path.GetTempFileName();
        var closing = new Thread(() =>
        {
            while (!many.IsCancellationRequested)
            {
                var files = new List<FileStream>();
                for (int i = 0; i < 50; i++)
                    files.Add(new FileStream("/dev/zero", FileMode.Open, FileAccess.Read));
                files.ForEach(f => f.Dispose());
            }
        });
        closing.Start();
        using (FileStream stays = new(kept, FileMode.Open))
        {
            for (int round = 0; round < 300; round++)
                Assert.Contains(kept, ProcFolders.DescriptorLinks(Environment.ProcessId));
        }
        many.Cancel();
        closing.Join();
        File.Delete(kept);
    }
}
