using System.Text;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>What must be true of the files of a bundle before the first is made. Who wrote the image is not known.</summary>
internal static class BundleRules
{
    private const int LongestPath = 4095, LongestName = 255, LongestAttribute = 64 << 10, MostAttributes = 256, ModeBits = 0xfff;

    public static bool IsOwnersAttribute(string name) =>
        name.StartsWith("user.", StringComparison.Ordinal) || name is "system.posix_acl_access" or "system.posix_acl_default";

    /// <summary>The files of a bundle in order, or none.</summary>
    public static BundleTable Read(IReadOnlyList<ObjectRecord> objects, ImageReader image)
    {
        var table = new BundleTable();
        foreach (ObjectRecord record in objects)
        {
            if (record.Kind != BundledFileState.KindName)
                continue;
            BundledFileState state = RestoreContext.Parse(record, StateJson.Default.BundledFileState);
            CheckPath(state.Path);
            CheckState(state);
            CheckFolder(state, table);
            CheckLink(state, table);
            CheckContent(record.Id, state, image);
            if (!table.TryAdd(record.Id, state))
                throw Damaged(state, "it is there twice");
        }
        foreach (ObjectRecord record in objects)
        {
            if (FileNames.StateOf(record) is { Bundled: not 0 } use)
                CheckUse(use, table);
        }
        return table;
    }

    /// <summary>A file in use must be the sort of file that the bundle has for it: else an open would go through a link, say.</summary>
    private static void CheckUse(FileState use, BundleTable table)
    {
        if (table.Find(use.Bundled) is not { } file)
            throw RestoreContext.Damaged($"{use.Path} is said to be bundled as object {use.Bundled}, which is no bundled file");
        if (file.Type != use.Type)
            throw Damaged(file, $"it is a {file.Type}, and is in use as a {use.Type}");
    }

    private static void CheckPath(string path)
    {
        if (path.Length < 2 || path[0] != '/')
            throw RestoreContext.Damaged($"a bundled file has no absolute path: '{Shown(path)}'");
        if (path.Contains('\0') || CString.BytesOf(path).Length > LongestPath)
            throw RestoreContext.Damaged($"the path of a bundled file is impossible: '{Shown(path)}'");
        foreach (string name in path[1..].Split('/'))
        {
            if (name.Length == 0 || name is "." or ".." || CString.Of(name).Length - 1 > LongestName)
                throw RestoreContext.Damaged($"the path of a bundled file has an impossible part, '{Shown(name)}': '{Shown(path)}'");
        }
    }

    private static void CheckState(BundledFileState state)
    {
        if (state.Type is not (FileType.Regular or FileType.Directory or FileType.SymbolicLink or FileType.Fifo))
            throw Damaged(state, $"a file of type {state.Type} is never carried");
        if ((state.Mode & ~ModeBits) != 0)
            throw Damaged(state, $"its mode {state.Mode} is impossible");
        if (state.Size < 0 || (state.Size > 0 && state.Type != FileType.Regular))
            throw Damaged(state, $"its size {state.Size} is impossible");
        if (state.ModifiedNanoseconds >= 1_000_000_000 || state.AccessedNanoseconds >= 1_000_000_000)
            throw Damaged(state, "its times are impossible");
        bool isLink = state.Type == FileType.SymbolicLink;
        if (isLink != state.Target is not null || (state.Target is { } target && (target.Length == 0 || target.Contains('\0') || CString.Of(target).Length > LongestPath)))
            throw Damaged(state, "a symbolic link needs a target, and nothing else has one");
        CheckAttributes(state);
    }

    private static void CheckAttributes(BundledFileState state)
    {
        IReadOnlyList<string> attributes = state.Attributes;
        if (attributes.Count == 0)
            return;
        if (attributes.Count % 2 != 0 || attributes.Count > 2 * MostAttributes || state.Type is not (FileType.Regular or FileType.Directory))
            throw Damaged(state, "its extended attributes are impossible");
        for (int i = 0; i < attributes.Count; i += 2)
        {
            string name = attributes[i] ?? "";
            if (!IsOwnersAttribute(name) || name.Contains('\0') || CString.Of(name).Length - 1 > LongestName)
                throw Damaged(state, $"the extended attribute '{Shown(name)}' is never carried");
            byte[] value = new byte[LongestAttribute];
            if (!Convert.TryFromBase64String(attributes[i + 1] ?? "?", value, out _))
                throw Damaged(state, $"the value of its extended attribute '{Shown(name)}' is none, or too long");
        }
    }

    /// <summary>What a file lies in must be a folder of the bundle, and known by now.</summary>
    private static void CheckFolder(BundledFileState state, BundleTable table)
    {
        int slash = state.Path.LastIndexOf('/');
        if (slash > 0 && table.Find(state.Path[..slash]) is not { Type: FileType.Directory })
            throw Damaged(state, "it lies in no folder of the bundle, or comes before it");
    }

    private static void CheckLink(BundledFileState state, BundleTable table)
    {
        if (state.LinkOf == 0)
            return;
        if (state.Type != FileType.Regular || table.Find(state.LinkOf) is not { Type: FileType.Regular, LinkOf: 0 } other || other.Size != state.Size)
            throw Damaged(state, $"it is said to be a hard link of object {state.LinkOf}, which it cannot be");
    }

    private static void CheckContent(int id, BundledFileState state, ImageReader image)
    {
        ulong size = state.LinkOf == 0 ? (ulong)state.Size : 0;
        foreach (MemoryExtent extent in image.DataOf(id))
        {
            if (extent.Address > size || (ulong)extent.RawLength > size - extent.Address)
                throw Damaged(state, $"it has content at {extent.Address}, behind its end at {size}");
        }
    }

    private static EngineException Damaged(BundledFileState state, string why) =>
        RestoreContext.Damaged($"bundled file {Shown(state.Path)}: {why}");

    /// <summary>A name made by who knows whom, in one line of bearable length.</summary>
    private static string Shown(string name)
    {
        var text = new StringBuilder();
        foreach (char c in name.Length > 200 ? name.AsSpan(0, 200) : name)
            text.Append(char.IsControl(c) ? '?' : c);
        return text.ToString();
    }
}
