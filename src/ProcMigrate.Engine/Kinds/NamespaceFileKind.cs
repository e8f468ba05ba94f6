using System.Text.Json;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>An open namespace (/proc/PID/ns/…): carried where it is the one that this command lives in, too.</summary>
internal sealed class NamespaceFileKind : DescriptorKind
{
    private static readonly string[] Types = ["user", "pid", "mnt", "net", "uts", "ipc", "cgroup", "time"];

    public override string Name => "namespace-file";

    public override bool Recognises(DescriptorFacts facts) => TypeOf(facts.Link) is not null && (facts.Info.Flags & OpenFlags.O_PATH) == 0;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        // Where a restore has made the tree's mounts, this command works in a copy of its caller's; a next restore makes others, and opens these.
        if (facts.Link == InsideNamespaces.Current?.MountNamespace
            || (FileStatus.TryOfPath(PathOf(facts.Link)) is { } own && own.IsSameFile(facts.Status)))
            return FileState.Of(facts.Link, facts.Status, facts.Info.Flags, 0).ToJson();
        context.Block(new Blocker(
            "NamespaceFile", facts.Process.Pid, facts.Fd, facts.Link, "it holds a namespace other than this command's", "let the program close it"));
        return null;
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        string path = PathOf(FileState.From(record).Path);
        if (FileStatus.TryOfPath(path) is null)
        {
            context.Block(new Blocker(
                "FileMissing", null, null, path, "the program has a namespace of this kind open, and this kernel does not know it",
                "restore on a host with such a kernel"));
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FileState state = FileState.From(record);
        return FileCalls.Open(PathOf(state.Path), state.Flags);
    }

    /// <summary>"net" of "net:[4026531840]".</summary>
    private static string? TypeOf(string link) =>
        Array.Find(Types, t => link.StartsWith(t, StringComparison.Ordinal) && link.AsSpan(t.Length).StartsWith(":["));

    private static string PathOf(string link) =>
        $"/proc/self/ns/{TypeOf(link) ?? throw RestoreContext.Damaged($"'{link}' is no namespace")}";
}
