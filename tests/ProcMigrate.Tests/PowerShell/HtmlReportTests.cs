using ProcMigrate.PowerShell.Report;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class HtmlReportTests
{
    private const string Evil = "<script>alert(\"1\")</script>&";

    [Fact]
    public void WhateverAnImageSays_IsText()
    {
        var page = HtmlReport.Write(Image(), new Dictionary<string, double> { [Evil] = 1 }, withEnvironment: true);
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Environments_AreToldOnlyWhereAskedFor()
    {
        Assert.DoesNotContain("PASSWORD", HtmlReport.Write(Image(), null, withEnvironment: false), StringComparison.Ordinal);
        Assert.Contains("PASSWORD", HtmlReport.Write(Image(), null, withEnvironment: true), StringComparison.Ordinal);
    }

    private static RemoteProcessImage Image() => new()
    {
        ImagePath = Evil,
        HostName = Evil,
        RootId = 1,
        RootName = Evil,
        Origin = Evil,
        Files = [Evil],
        Method = Evil,
        Objects = new Dictionary<string, int> { [Evil] = 1 },
        Blockers = [new() { BlockerId = Evil, What = Evil, Why = Evil, Remedy = Evil }],
        Processes =
        [
            new()
            {
                ProcessId = 1, ProgramName = Evil, Threads = 1, CommandLine = [Evil], Executable = Evil, WorkingFolder = Evil,
                Environment = new Dictionary<string, string> { ["PASSWORD"] = Evil },
                Mappings = [new() { ProcessId = 1, Start = 4096, End = 8192, Protection = "r--p", Sort = "heap", Stored = 1, Title = Evil }],
                Descriptors = [new() { ProcessId = 1, Descriptor = 0, Kind = Evil, Title = Evil }],
                ThreadList = [new() { ProcessId = 1, ThreadId = 1, ThreadName = Evil, Code = Evil }],
            },
        ],
    };
}
