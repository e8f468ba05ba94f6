using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>
/// A folder to make a file in, by descriptor: whoever may rename what is above it cannot lead us elsewhere meanwhile. Folders that are
/// missing are made, and removed again at the end.
/// </summary>
internal sealed class HeldFolder : IDisposable
{
    private const OpenFlags Place = OpenFlags.O_PATH | OpenFlags.O_DIRECTORY;
    private readonly Stack<(Descriptor Parent, string Name)> _made = [];
    private Descriptor _folder;

    private HeldFolder(Descriptor folder) => _folder = folder;

    /// <summary>A path that leads to it, whatever it is called by now.</summary>
    public string Path => Under(_folder);

    public string this[string name] => $"{Path}/{name}";

    public static HeldFolder Open(string path)
    {
        var missing = new Stack<string>();
        while (path != "/" && FileStatus.TryOfPath(path) is null)
        {
            missing.Push(System.IO.Path.GetFileName(path));
            path = System.IO.Path.GetDirectoryName(path) ?? "/";
        }
        var held = new HeldFolder(FileCalls.Open(path, Place));
        try
        {
            foreach (string name in missing)
                held.Make(name);
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        while (_made.TryPop(out (Descriptor Parent, string Name) made))
        {
            using (made.Parent)
                Remove($"{Under(made.Parent)}/{made.Name}");
        }
        _folder.Dispose();
    }

    private void Make(string name)
    {
        const int OwnerOnly = 0x1c0; // 0700
        FolderCalls.MakeFolder(this[name], OwnerOnly);
        Descriptor inner;
        try
        {
            inner = FileCalls.Open(this[name], Place | OpenFlags.O_NOFOLLOW);
        }
        catch
        {
            Remove(this[name]);
            throw;
        }
        _made.Push((_folder, name));
        _folder = inner;
    }

    private static void Remove(string path)
    {
        try
        {
            FolderCalls.RemoveFolder(path);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOTEMPTY or Errno.ENOENT)
        {
            // Others have put something into it, or removed it: it is theirs now.
        }
    }

    private static string Under(Descriptor folder) => $"/proc/self/fd/{folder.Number}";
}
