using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore.Release;
using ProcMigrate.Engine.Restore.Rights;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>What the steps of one restore share.</summary>
internal sealed class RestoreContext : IDisposable
{
    private readonly List<Blocker> _blockers = [];
    private RestoreRecord? _record;
    private readonly Stack<Action> _undo = [];
    private readonly List<Action> _atEnd = [];
    private readonly Dictionary<int, ObjectRecord> _objects;
    private readonly Dictionary<string, object> _shared = [];
    private readonly List<Action> _beforeTree = [];
    private readonly Dictionary<int, List<CodePatch>> _patches = [];
    private readonly List<Action> _beforeRelease = [];
    private readonly List<IDisposable> _own = [];
    private readonly List<(Descriptor File, Action<Descriptor> Action)> _afterClose = [];

    public RestoreContext(RestoreOptions options, ImageReader image)
    {
        (Options, Image) = (SavedTerminal(options, image.Tree), image);
        Tree = TreeSelection.Of(image.Tree, options.Only);
        Bundle = BundleRules.Read(image.Tree.Objects, image);
        _objects = image.Tree.Objects.ToDictionary(o => o.Id);
        if (options.Maps.Count > 0)
            Rename(Mapped, path => MappedPaths.Of(path, options.Maps) ?? path);
        Rights = new FileRights(Tree.Processes, Warnings);
        Holders = new HolderRights(this);
        Own(Holders);
        SharedMemories = new SharedMemories(this);
        OpenFiles = new OpenFiles(this);
        Terminals = new Terminals(this);
    }

    /// <summary>What <c>save --terminal</c> said counts where the restore was told nothing.</summary>
    private static RestoreOptions SavedTerminal(RestoreOptions options, TreeRecord tree)
    {
        if (!options.TerminalAsSaved || tree.Terminal is not { } saved)
            return options;
        if (saved is not ("null" or ['/', ..]))
            throw Damaged($"terminals are to become '{saved}', which is no absolute path");
        StdioChoice choice = saved == "null" ? StdioChoice.Null : StdioChoice.Path;
        return options with { Stdio = choice, StdioPath = saved, Terminal = choice, TerminalPath = saved };
    }

    public RestoreOptions Options { get; }

    /// <summary>Whoever goes through much asks it now and then.</summary>
    public CancellationToken Cancel { get; init; }

    /// <summary>What the restore makes beside its processes.</summary>
    public RestoreRecord Record => _record ??= RestoreRecord.Begin();

    /// <summary>The image; a description of it until the rest of it has come.</summary>
    public ImageReader Image { get; private set; }

    /// <summary>What of the image is restored; all of it unless options say otherwise. With the kernel pages of this host once that is checked.</summary>
    public TreeRecord Tree { get; set; }

    /// <summary>The files that the image carries.</summary>
    public BundleTable Bundle { get; }

    /// <summary>What files that are made from the image may be.</summary>
    public FileRights Rights { get; }

    /// <summary>With what rights is opened what has a name.</summary>
    public HolderRights Holders { get; }
    public SharedMemories SharedMemories { get; }
    public OpenFiles OpenFiles { get; }
    public Terminals Terminals { get; }
    public IReadOnlyList<Blocker> Blockers => _blockers;
    public List<string> Warnings { get; } = [];

    /// <summary>The image that was announced is here, and is the one.</summary>
    public void Arrived(ImageReader image)
    {
        Own(image);
        image.RequireTreeOf(Image);
        Image = image;
    }

    /// <returns>False where it has been said before.</returns>
    public bool WarnOnce(string text)
    {
        if (Warnings.Contains(text))
            return false;
        Warnings.Add(text);
        return true;
    }

    /// <summary>What is written into the memory of a process over what the image holds.</summary>
    public List<CodePatch> PatchesOf(int pid)
    {
        if (!_patches.TryGetValue(pid, out List<CodePatch>? patches))
            _patches[pid] = patches = [];
        return patches;
    }

    /// <summary>
    /// Something that several objects share while they are made (the pipe behind its two ends, say), made at its first use
    /// and disposed with the restore.
    /// </summary>
    public T Shared<T>(string key, Func<T> create)
        where T : class
    {
        if (!_shared.TryGetValue(key, out object? value))
            _shared[key] = value = create();
        return (T)value;
    }

    /// <summary>
    /// For what must be there before the first process is: mounts, say, where the command runs in a mount namespace of the tree's
    /// own (<see cref="Namespaces.RestoreNamespaces"/>). Run after all checks, in order.
    /// </summary>
    public void BeforeTree(Action action) => _beforeTree.Add(action);

    public void RunBeforeTree() => _beforeTree.ForEach(action => action());

    /// <summary>Disposed with the restore, after all that is to be taken back.</summary>
    public void Own(IDisposable thing) => _own.Add(thing);

    /// <summary>Gives what has a path another one, for all that follows.</summary>
    public void Rename(Func<FileState, FileState> ofFile, Func<string, string> ofPath)
    {
        var renamed = new List<ObjectRecord>();
        foreach (ObjectRecord record in Tree.Objects)
        {
            ObjectRecord now = FileNames.Rename(record, ofFile, ofPath);
            renamed.Add(now);
            _objects[now.Id] = now;
        }
        Tree = Tree with { Objects = renamed };
    }

    private FileState Mapped(FileState file) =>
        MappedPaths.Of(file.Path, Options.Maps) is not { } path ? file
        : file with { Path = path, LinkedAs = file.LinkedAs is null ? null : MappedPaths.Of(file.LinkedAs, Options.Maps) ?? file.LinkedAs, Bundled = 0 };

    /// <summary>For what must not begin before the tree is about to run, such as a timer. Our open files are still there then.</summary>
    public void BeforeRelease(Action action) => _beforeRelease.Add(action);

    /// <summary>For what must come even after all our other open files are closed: a watch would see them close.</summary>
    /// <param name="file">Kept open for the action, then closed.</param>
    public void AfterClose(Descriptor file, Action<Descriptor> action) => _afterClose.Add((file, action));

    /// <summary>
    /// The tree is complete. What we hold of it is closed before it runs: a pipe that only we kept open must have ended.
    /// </summary>
    public void LetGoOfFiles()
    {
        _beforeRelease.ForEach(action => action());
        CloseFiles();
        foreach ((Descriptor file, Action<Descriptor> action) in _afterClose)
        {
            action(file);
            file.Dispose();
        }
    }

    /// <summary>Content that goes with an object.</summary>
    public byte[] ContentOf(int objectId, int length)
    {
        if (length < 0)
            throw Damaged($"object {objectId} has a content of {length} bytes");
        byte[] content = new byte[length];
        foreach (MemoryExtent extent in Image.DataOf(objectId))
        {
            if (extent.Address + (ulong)extent.RawLength > (ulong)length)
                throw Damaged($"object {objectId} has more content than its {length} bytes");
            Image.Read(extent, content.AsSpan((int)extent.Address));
        }
        return content;
    }

    public void Block(Blocker blocker) => _blockers.Add(blocker);

    /// <summary>For what must see every process as it will be, right before they are let go.</summary>
    public void AtEnd(Action step) => _atEnd.Add(step);

    public void RunEnd() => _atEnd.ForEach(step => step());

    /// <summary>What takes back a change outside the restored processes (a file made, say), should the restore fail.</summary>
    public void OnFailure(Action undo) => _undo.Push(undo);

    /// <summary>The tree runs: nothing is taken back any more.</summary>
    public void Keep() => _undo.Clear();

    public ObjectRecord Object(int id) =>
        _objects.TryGetValue(id, out ObjectRecord? record) ? record : throw Damaged($"object {id} is referred to and missing");

    /// <summary>The state of an object; an image whose JSON does not fit is damaged or made by hand.</summary>
    public static T Parse<T>(ObjectRecord record, JsonTypeInfo<T> type)
    {
        try
        {
            return record.State.Deserialize(type) ?? throw Damaged($"object {record.Id} ({record.Kind}) has no state");
        }
        catch (JsonException e)
        {
            throw Damaged($"object {record.Id} ({record.Kind}): {e.Message}");
        }
    }

    /// <summary>The state of an aspect of a process.</summary>
    public static T Parse<T>(string aspect, JsonElement state, JsonTypeInfo<T> type)
    {
        try
        {
            return state.Deserialize(type) ?? throw Damaged($"'{aspect}' of a process has no state");
        }
        catch (JsonException e)
        {
            throw Damaged($"'{aspect}' of a process: {e.Message}");
        }
    }

    /// <summary>
    /// Does what depends on a part of the image. Each value has been read by itself; one that contradicts another, or lies beyond all that there
    /// is, shows as one of these exceptions. (NullReference: JSON may put null into a list.)
    /// </summary>
    /// <param name="part">For people.</param>
    /// <exception cref="EngineException">The image is damaged; it names the part.</exception>
    public static T Interpret<T>(string part, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is ArgumentException or ArithmeticException or FormatException or IndexOutOfRangeException or InvalidOperationException
            or InvalidCastException or KeyNotFoundException or NullReferenceException or JsonException or NotSupportedException)
        {
            throw new EngineException("ImageDamaged", FailureClass.ImageUnreadable, $"The image is damaged: {part}: {(e is NullReferenceException ? "null in a list" : e.Message)}.", e);
        }
    }

    public static void Interpret(string part, Action work) => Interpret(part, () =>
    {
        work();
        return true;
    });

    public static EngineException Damaged(string what) =>
        new("ImageDamaged", FailureClass.ImageUnreadable, $"The image is damaged: {what}.");

    public void Dispose()
    {
        while (_undo.TryPop(out Action? undo))
            undo();
        CloseFiles();
        foreach ((Descriptor file, _) in _afterClose)
            file.Dispose();
        _own.ForEach(thing => thing.Dispose());
        _record?.Dispose();
    }

    private void CloseFiles()
    {
        OpenFiles.Dispose();
        SharedMemories.Dispose();
        Terminals.Dispose();
        foreach (object shared in _shared.Values)
            (shared as IDisposable)?.Dispose();
        _shared.Clear();
    }
}
