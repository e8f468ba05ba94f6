using System.Globalization;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>
/// Shows unpacked files under their old names, in a mount namespace that only the tree is in. Where all names of a folder are there on this
/// host, the files are mounted over them. Where some are missing, the unpacked folder itself takes the place of the host's, and what the
/// host has in it is mounted into that: so nothing is ever made in a folder of the host.
/// </summary>
internal sealed class SameNames(UnpackedFiles files, RestoreContext context)
{
    private readonly Dictionary<string, List<BundledFileState>> _children = [];
    private readonly List<string> _mounted = [];
    private readonly List<string> _placeholders = [];
    private readonly List<string> _folderPlaceholders = [];

    public void Show()
    {
        // Else the mounts would be everybody's.
        if (InsideNamespaces.Current is null)
        {
            throw new EngineException(
                "SameNamesFailed", FailureClass.Failed, "The files can be shown under their old names only by a command that runs in a mount namespace of its own.");
        }
        foreach (int id in files.Table.Ids)
        {
            if (!files.IsHere(id))
                continue;
            BundledFileState file = files.Table.Find(id)!;
            string folder = file.Path[..file.Path.LastIndexOf('/')];
            if (!_children.TryGetValue(folder, out List<BundledFileState>? children))
                _children[folder] = children = [];
            children.Add(file);
        }
        context.OnFailure(Undo);
        try
        {
            ShowFolder("");
            Mounts.ForbidGains();
        }
        catch (LinuxException e)
        {
            throw new EngineException(
                "SameNamesFailed", FailureClass.Failed, $"The files could not be shown under their old names: {e.Message}. Restore without --same-names.", e);
        }
    }

    /// <param name="folder">Empty for the root.</param>
    private void ShowFolder(string folder)
    {
        if (!_children.TryGetValue(folder, out List<BundledFileState>? children))
            return;
        bool replaced = false;
        foreach (BundledFileState child in children)
            replaced |= !IsAlike(child);
        List<BundledFileState> shared = replaced ? Replace(folder, children) : children;
        foreach (BundledFileState child in shared)
        {
            if (child.Type == FileType.Directory)
                ShowFolder(child.Path);
            else if (child.Type != FileType.SymbolicLink && !replaced)
                Bind(files.Folder.Path + child.Path, child.Path, all: false);
        }
    }

    /// <summary>Whether the host has something under the name that a mount can cover, or the same link.</summary>
    private static bool IsAlike(BundledFileState file)
    {
        if (FileStatus.TryOfPath(file.Path, follow: false) is not { } here)
            return false;
        return file.Type switch
        {
            FileType.Directory => here.Type == FileType.Directory,
            FileType.SymbolicLink => here.Type == FileType.SymbolicLink && FileCalls.ReadLink(file.Path) == file.Target,
            _ => here.Type is not (FileType.Directory or FileType.SymbolicLink),
        };
    }

    /// <summary>Puts the unpacked folder in the place of the host's, and the host's entries into it.</summary>
    /// <returns>Folders of the bundle that the host has too: mounted from it, and to be gone through.</returns>
    private List<BundledFileState> Replace(string folder, List<BundledFileState> children)
    {
        var ours = new Dictionary<string, BundledFileState>();
        foreach (BundledFileState child in children)
            ours.Add(child.Path[(folder.Length + 1)..], child);
        string unpacked = files.Folder.Path + folder;
        string shown = folder.Length == 0 ? unpacked : folder;
        using Descriptor host = FileCalls.Open(folder.Length == 0 ? "/" : folder, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        string hostPath = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{host.Number}");
        List<string> names = PathCalls.Entries(hostPath);
        Bind(unpacked, shown, all: false);
        Mounts.MakeUnbindable(shown);
        var both = new List<BundledFileState>();
        foreach (string path in names)
        {
            string name = Path.GetFileName(path);
            BundledFileState? mine = ours.GetValueOrDefault(name);
            if (FileStatus.TryOfPath(path, follow: false) is not { } status)
                continue;
            if (mine is null)
                Borrow(folder, name, path, status, shown);
            else if (mine.Type == FileType.Directory && status.Type == FileType.Directory)
            {
                Bind(path, $"{shown}/{name}", all: true);
                both.Add(mine);
            }
        }
        if (folder.Length == 0)
        {
            Mounts.MakeRoot(shown);
            // They are called otherwise now.
            for (int i = 0; i < _mounted.Count; i++)
                _mounted[i] = _mounted[i].Length == shown.Length ? "/" : _mounted[i][shown.Length..];
        }
        return both;
    }

    /// <summary>An entry of the host's folder in the unpacked one.</summary>
    private void Borrow(string folder, string name, string source, in FileStatus status, string shown)
    {
        FolderBeneath beneath = files.Folder.Beneath;
        string inside = folder.Length == 0 ? name : $"{folder[1..]}/{name}";
        bool isFolder = status.Type == FileType.Directory;
        if (status.Type == FileType.SymbolicLink)
            beneath.MakeSymbolicLink(inside, FileCalls.ReadLink(source));
        else if (isFolder)
            beneath.MakeFolder(inside);
        else
            beneath.Open(inside, OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_WRONLY, 0).Dispose();
        (isFolder ? _folderPlaceholders : _placeholders).Add(inside);
        if (status.Type != FileType.SymbolicLink)
            Bind(source, $"{shown}/{name}", all: true);
    }

    private void Bind(string source, string target, bool all)
    {
        Mounts.Bind(source, target, all);
        _mounted.Add(target);
    }

    /// <summary>A name cannot be removed while something is mounted on it.</summary>
    private void Undo()
    {
        for (int i = _mounted.Count - 1; i >= 0; i--)
            Mounts.TryDetach(_mounted[i]);
        for (int i = _placeholders.Count - 1; i >= 0; i--)
            files.Folder.Beneath.TryRemove(_placeholders[i], isFolder: false);
        for (int i = _folderPlaceholders.Count - 1; i >= 0; i--)
            files.Folder.Beneath.TryRemove(_folderPlaceholders[i], isFolder: true);
    }
}
