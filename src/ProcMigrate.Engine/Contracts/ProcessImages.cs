using System.Runtime.InteropServices;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image;
using ProcMigrate.Linux;

namespace ProcMigrate.Engine.Contracts;

/// <summary>The engine's front door. Every call is synchronous and throws <see cref="EngineException"/> or an image exception.</summary>
public static class ProcessImages
{
    static ProcessImages() => BinaryRights.OpenOwnFiles();

    /// <summary>Saves running processes into one file.</summary>
    public static SaveResult Save(SaveOptions options, Action<EngineProgress>? progress, CancellationToken cancel) =>
        Guard("save", () => PtraceThread.Run(() => TreeView.Do(() => new SaveOperation(options, progress, cancel).Run()), cancel));

    /// <summary>Every blocker of a save, nothing changed.</summary>
    public static ProcessCheck CheckProcess(SaveOptions options, CancellationToken cancel) =>
        Guard("check", () => PtraceThread.Run(() => TreeView.Do(() => new SaveOperation(options, null, cancel).Check()), cancel));

    /// <summary>Writes the files of a bundle into a new or empty folder.</summary>
    public static RestoredFiles ExportFiles(string imagePath, string folder, List<string> warnings, Action<EngineProgress>? progress, CancellationToken cancel) =>
        Guard("export", () => BundleExport.Run(imagePath, folder, warnings, progress, cancel));

    /// <summary>The files that an image carries; null where it carries none.</summary>
    public static BundleContents? ReadBundle(ImageReader image) =>
        RestoreContext.Interpret("the files of a bundle", () => BundleRules.Read(image.Tree.Objects, image).Summary(image));

    /// <summary>Every blocker of a restore on this host, nothing changed.</summary>
    public static IReadOnlyList<Blocker> CheckImage(RestoreOptions options) =>
        Guard("check", () => new RestoreOperation(options, null, CancellationToken.None).Check());

    /// <summary>Whether a tree can be made of its description, with the memory to come (<see cref="RestoreOptions.Arriving"/>).</summary>
    public static bool TakesMemory(RestoreOptions options) => Guard("check", () => new RestoreOperation(options, null, CancellationToken.None).TakesMemory());

    /// <summary>Makes running processes from an image: all or nothing.</summary>
    public static RestoreResult Restore(RestoreOptions options, Action<EngineProgress>? progress, CancellationToken cancel) =>
        Guard("restore", () => PtraceThread.Run(() => new RestoreOperation(options, progress, cancel).Run(), cancel));

    /// <summary>
    /// Runs the restore in a second instance of this very command, inside the namespaces that it needs: to be called before
    /// <see cref="Restore"/>, by a command whose arguments ask for just this restore.
    /// </summary>
    /// <param name="image">The open image, where its path means nothing to another process.</param>
    /// <returns>The exit code of the other, which has told its result; null where no namespaces are needed, or these are they.</returns>
    public static int? RestoreInside(RestoreOptions options, SafeHandle? image, CancellationToken cancel) =>
        Guard("restore", () => CommandInside.Restore(options, image, cancel));

    /// <summary>The same for a save or check of processes in namespaces that a restore has made; the result speaks of them as they are called here.</summary>
    /// <param name="running">Called when the other is under way; from then on signals sent to us are passed on to it.</param>
    public static int? SaveInside(IReadOnlyList<int> pids, string? output, Action? running, CancellationToken cancel) =>
        Guard("save", () => CommandInside.Save(pids, output, running, cancel));

    /// <summary>What this kernel and user can and cannot do.</summary>
    /// <param name="clean">Removes what restores that were killed have left.</param>
    public static IReadOnlyList<DoctorFinding> Doctor(bool clean) => Checks.Doctor.Examine(clean);

    /// <summary>A call that the kernel refused, where no more particular words were found for it.</summary>
    private static T Guard<T>(string verb, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (TypeInitializationException e) when (e.InnerException is LinuxException or EngineException)
        {
            return Guard<T>(verb, () => throw e.InnerException);
        }
        catch (LinuxException e)
        {
            FailureClass failure = e.Errno is Errno.EPERM or Errno.EACCES ? FailureClass.PrivilegeMissing : FailureClass.Failed;
            throw new EngineException("SystemCallFailed", failure, $"The {verb} failed and was undone: {e.Message}.", e);
        }
    }
}

/// <summary>One line of <c>doctor</c>.</summary>
/// <param name="Topic">The feature or privilege.</param>
/// <param name="Available">Whether it is there.</param>
/// <param name="Needed">True where nothing works without it; false where it only widens or quickens.</param>
/// <param name="Detail">What was seen.</param>
/// <param name="Remedy">What to do where it is missing; empty otherwise.</param>
public sealed record DoctorFinding(string Topic, bool Available, bool Needed, string Detail, string Remedy);
