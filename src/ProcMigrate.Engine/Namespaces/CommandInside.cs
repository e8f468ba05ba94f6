using System.Runtime.InteropServices;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>The outer half of a command that does its work inside namespaces: it starts the inner half and is its stand-in outside.</summary>
internal static class CommandInside
{
    private const int SIGCHLD = 17;

    /// <returns>The exit code of the inner half, which has told everything; null where no namespaces are needed.</returns>
    public static int? Restore(RestoreOptions options, SafeHandle? file, CancellationToken cancel)
    {
        if (InsideNamespaces.Current is not null)
            return null;
        TreeRecord tree;
        RestoreNamespaces wanted;
        using (ImageReader image = ImageReader.Open(options.ImagePath))
        {
            wanted = RestoreContext.Interpret("the tree", () => RestoreNamespaces.For(options, image));
            if (!wanted.Any)
                return null;
            tree = TreeSelection.Of(image.Tree, options.Only);
        }
        if (wanted.User)
            CredentialChecks.Refuse(options.ImagePath, tree);
        var taken = new List<int>();
        foreach (ProcessRecord process in tree.Processes)
        {
            foreach (ThreadRecord thread in process.Threads)
                taken.Add(thread.Tid);
        }
        foreach (ZombieRecord zombie in tree.Zombies)
            taken.Add(zombie.Pid);
        return PtraceThread.Run(() =>
        {
            using var launcher = new NamespaceLauncher(tree.Processes[0].Pid, file is null ? null : Descriptor.Duplicate((int)file.DangerousGetHandle()));
            int command = launcher.StartInNew(wanted, taken, options.Wait);
            launcher.Dispose();
            int code = Wait(command, options.Wait, options.Running, cancel);
            if (launcher.Init != 0)
                LookAfterInit(launcher.Init, mayHaveEnded: options.Wait || code != 0);
            return code;
        }, cancel);
    }

    /// <summary>Does a save or check of processes that live in namespaces of their own from inside these, where that may be.</summary>
    /// <param name="output">The image to be written.</param>
    public static int? Save(IReadOnlyList<int> pids, string? output, Action? running, CancellationToken cancel)
    {
        if (InsideNamespaces.Current is not null)
            return null;
        using TreeNamespaces? spaces = TreeNamespaces.Of(pids);
        if (spaces is null)
            return null;
        // Here, where the pids that it speaks of are the caller's.
        foreach (int pid in pids)
            SaveTarget.Validate(pid);
        spaces.RequireSame(PathCalls.Full("."));
        if (output is not null)
            spaces.RequireSame(Path.GetDirectoryName(PathCalls.Full(output)) ?? "/");
        return PtraceThread.Run(() =>
        {
            using var launcher = new NamespaceLauncher(spaces);
            int command = launcher.StartInTarget();
            launcher.Dispose();
            return Wait(command, ownGroup: false, running, cancel);
        }, cancel);
    }

    /// <summary>Where the inner half waits for its program as a shell does, we wait for it as a shell, too, in a group of its own.</summary>
    private static int Wait(int command, bool ownGroup, Action? running, CancellationToken cancel)
    {
        using TerminalLoan? loan = ownGroup ? TerminalLoan.GiveTo(command) : null;
        return new ChildWaiter(command, loan).WaitForEnd(running, cancel);
    }

    /// <summary>Process 1 is told to look whether anything runs inside: it ends, and is reaped, or it lives on without us.</summary>
    private static void LookAfterInit(int init, bool mayHaveEnded)
    {
        const int Looks = 40;
        RawSyscall.Try(SyscallNumber.kill, init, SIGCHLD);
        for (int look = 0; mayHaveEnded && look < Looks && Tracer.Poll(init) is not { Ended: true }; look++)
            Thread.Sleep(5);
    }
}
