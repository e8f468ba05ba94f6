using ProcMigrate.Remote;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>A cut transfer goes on where it stopped, and only if what is there is what would have been sent.</summary>
public sealed class ResumedTransferTests(TestHosts hosts) : RemoteTest(hosts)
{
    private const int Megabytes = 48;

    [Fact]
    public void GoesOn_WhereItStopped()
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        CutAfter(24, folder);
        var sent = Send(Image, N2, folder);
        Assert.InRange(sent.ResumedAt, 8L << 20, Megabytes << 20);
        Assert.InRange(sent.SentBytes, 1, sent.Bytes - sent.ResumedAt + (1 << 20));
        Assert.Equal(Sha256(Image), Sha256There(sent.Path));
        Assert.Equal(Path.GetFileName(sent.Path) + "\n", Hosts.Do("n2", $"ls -A {folder}"));
    }

    [Fact]
    public void WhatIsThereIsDamaged_AllIsSentAgain()
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        CutAfter(24, folder);
        Hosts.Do("n2", $"printf x | dd of=$(ls {folder}/.*.partial) bs=1 seek=5000000 conv=notrunc");
        var sent = Send(Image, N2, folder);
        Assert.Equal(0, sent.ResumedAt);
        Assert.Equal(Sha256(Image), Sha256There(sent.Path));
        Assert.Equal(Path.GetFileName(sent.Path) + "\n", Hosts.Do("n2", $"ls -A {folder}"));
    }

    [Fact]
    public void AnotherImageUnderTheSameName_IsNotMixedUp()
    {
        SentImage.Write(Image, Megabytes);
        string folder = FolderThere();
        CutAfter(24, folder);
        File.Delete(Image);
        SentImage.Write(Image, Megabytes);
        var sent = Send(Image, N2, folder);
        Assert.Equal(0, sent.ResumedAt);
        Assert.Equal(Sha256(Image), Sha256There(sent.Path));
    }

    private void CutAfter(int megabytes, string folder)
    {
        bool done = false;
        Refused(() => Send(Image, N2, folder, progress =>
        {
            if (progress.Phase == "send" && progress.Done >= (long)megabytes << 20 && !done && (done = true))
                Hosts.KillSessions("n2");
        }));
        Wait.Until(() => Hosts.Do("n2", $"ls -A {folder}").EndsWith(".partial\n", StringComparison.Ordinal), () => "nothing of it is kept");
    }
}
