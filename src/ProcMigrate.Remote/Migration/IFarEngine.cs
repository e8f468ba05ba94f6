using System.Runtime.InteropServices;
using ProcMigrate.Image;

namespace ProcMigrate.Remote.Migration;

/// <summary>What the far side of a check or migration has the engine do. Answers are lines as <c>--json</c> prints them.</summary>
public interface IFarEngine
{
    /// <summary>Every reason why the image could not be restored here.</summary>
    /// <param name="image">Path of an image, of a description at least.</param>
    /// <param name="arguments">Options of the verb restore.</param>
    /// <param name="spool">Folder that the image would come to; null where its memory is taken as it comes.</param>
    string Check(string image, IReadOnlyList<string> arguments, string? spool);

    /// <summary>Whether the tree of a description can be made before its memory is there, to take it as it comes.</summary>
    bool TakesMemory(string description, IReadOnlyList<string> arguments);

    /// <summary>Where the restore needs namespaces: runs this command again in them, with the same streams, and gives its exit code. Else null.</summary>
    int? RestoreInside(string image, SafeHandle handle, IReadOnlyList<string> arguments);

    /// <summary>In that second self of the command: path of the image, which has come already. Else null.</summary>
    string? ImageInside { get; }

    /// <summary>Restores an image that came over the connection, past the gate.</summary>
    /// <param name="arriving">What is yet to come, where <paramref name="image"/> is only a description of it.</param>
    /// <param name="consume">Nobody will want the image again: what has been read of it may be thrown away.</param>
    string Restore(string image, ArrivingImage? arriving, IReadOnlyList<string> arguments, bool consume, FarGate gate, CancellationToken cancel);

    /// <summary>The line of an error.</summary>
    string Describe(Exception failure);
}

/// <summary>What the engine asks before a tree runs that is complete. Processes: by their pid here, by that outside of namespaces, and whether they are to run.</summary>
public sealed record FarGate(Action Await, Action<IReadOnlyList<(int Pid, int OuterPid, bool Runs)>> Prepare, Action Commit);
