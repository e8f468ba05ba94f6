using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Sockets;

/// <summary>Small programs with sockets that judge themselves, by the protocol of tests/programs.</summary>
internal static class SocketProgram
{
    private const string Protocol = """
        import os, signal, socket, struct, sys, time
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        def say(text):
            with open(sys.argv[1], "a") as out: out.write(text + "\n")
        def wait():
            say("READY")
            signal.sigwait([signal.SIGUSR1])
        def check(right, text):
            if not right:
                say("FAIL: " + text)
                sys.exit(1)

        """;

    /// <summary>Starts it, and waits until it is ready.</summary>
    internal static ProgramUnderTest Start(TempFolder folder, string script, params string[] arguments) => StartBehind([], folder, script, arguments);

    /// <summary>For a command such as unshare, which ends in executing it.</summary>
    internal static ProgramUnderTest StartBehind(string[] prefix, TempFolder folder, string script, params string[] arguments)
    {
        ProgramUnderTest started = ProgramUnderTest.StartCommand(folder, [.. prefix, "/usr/bin/python3", "-c", Protocol + script, folder["out"], .. arguments]);
        Wait.Until(() => started.Lines is [.., "READY"] || !started.IsAlive, () => $"not ready: {started.Log}");
        Assert.True(started.IsAlive, $"ended before it was ready: {started.Log} {string.Join(" | ", started.Lines)}");
        return started;
    }
}
