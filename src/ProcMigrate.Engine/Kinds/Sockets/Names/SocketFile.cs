using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets.Names;

/// <summary>The file of a unix socket's name: does a socket of anybody's answer to it, or has its program ended and left it behind?</summary>
internal static class SocketFile
{
    public const int ECONNREFUSED = 111;
    public const int EPROTOTYPE = 91;

    /// <summary>
    /// What connect(2) of a datagram socket says. The kernel looks the file's socket up, in whatever network namespace it is, which sock_diag
    /// would not show: ECONNREFUSED where there is none, EPROTOTYPE where it is of another type, zero where it takes datagrams. None of this
    /// shows at the other end; a connection of its own type would wait there for accept(2).
    /// </summary>
    public static long TryReach(string path)
    {
        using Descriptor file = FileCalls.Open(path, OpenFlags.O_PATH);
        return TryReach(file);
    }

    /// <summary>Who may not connect cannot tell: then it counts as in use.</summary>
    public static bool IsInUse(string path) => TryReach(path) != -ECONNREFUSED;

    /// <summary>Takes away a file that nobody answers at. Where the checks saw nothing and somebody has come since, nothing is touched.</summary>
    /// <param name="unlink">By the rights of whose it is.</param>
    public static void RemoveDead(string path, Action unlink)
    {
        if (FileStatus.TryOfPath(path, follow: false) is null)
            return;
        using (Descriptor file = FileCalls.Open(path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW))
        {
            FileStatus status = FileStatus.Of(file);
            if (status.Type != FileType.Socket || TryReach(file) != -ECONNREFUSED)
                throw Taken(path);
            if (FileStatus.TryOfPath(path, follow: false) is not { } still || !still.IsSameFile(status))
                throw Taken(path);
        }
        unlink();
    }

    /// <summary>For a restore that failed: the file that it made, if it is that one still.</summary>
    public static void RemoveMade(string path, FileStatus made)
    {
        if (FileStatus.TryOfPath(path, follow: false) is { } there && there.IsSameFile(made))
            FolderCalls.Unlink(path);
    }

    private static EngineException Taken(string path) => new EngineException(
        "UnixNameTaken", FailureClass.Failed,
        $"The program's socket has the path {path}, and another program has taken it since the checks. Nothing of that one was changed; end it, and restore again.");

    private static long TryReach(Descriptor file)
    {
        using Descriptor probe = SocketCalls.Create(AddressFamily.AF_UNIX, SocketType.SOCK_DGRAM, 0, "a look at a unix socket");
        // By way of the descriptor: a path may be longer than sun_path.
        return SocketCalls.TryConnect(probe, UnixName.Address(CString.Of($"/proc/self/fd/{file.Number}").AsSpan()[..^1]));
    }
}
