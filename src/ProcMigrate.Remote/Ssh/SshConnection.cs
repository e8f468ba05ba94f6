using System.ComponentModel;
using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Remote.Ssh;

/// <summary>
/// A command on a host: one ssh client process, its streams, and its end. Disposing ends the client, and with it the connection;
/// the command sees the end of its standard input.
/// </summary>
internal sealed class SshConnection : IDisposable
{
    /// <summary>The end of what ssh and the command said is what matters; a chatty command must not fill our memory.</summary>
    private const int KeptErrorChars = 16 * 1024;
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    private readonly Process process;
    private readonly Thread errorReader;
    private readonly StringBuilder errors = new();
    private readonly string? beat;
    private CancellationTokenRegistration cancellation;
    private volatile bool givenUp;
    private volatile string? overdue;
    private bool disposed;

    private SshConnection(SshTarget target, Process process, string? beat)
    {
        (Target, this.process, this.beat) = (target, process, beat);
        SafeHandle to = ((PipeStream)process.StandardInput.BaseStream).SafePipeHandle;
        Pipes.Widen(to);
        Input = new PatientPipe(to, Pulse, IsGivenUp).ForWriting();
        Output = new LineStream(new PatientPipe(((PipeStream)process.StandardOutput.BaseStream).SafePipeHandle, Pulse, IsGivenUp));
        Pulse.Expect("answer", HostPatience.Login, bytes: true);
        errorReader = new Thread(KeepErrors) { IsBackground = true, Name = "ssh stderr" };
        errorReader.Start();
    }

    public SshTarget Target { get; }

    /// <summary>Decides how long is waited.</summary>
    public FarPulse Pulse { get; } = new();

    /// <summary>To the command's standard input.</summary>
    public Stream Input { get; }

    /// <summary>From the command's standard output.</summary>
    public LineStream Output { get; }

    /// <summary>The connection was given up because the host was silent; null where it was not.</summary>
    public RemoteException? Silence => overdue is { } why ? SshFailure.Silent(Target, why, Errors()) : null;

    /// <summary>Starts ssh. Whether the host can be reached shows only later, on its output.</summary>
    /// <param name="beat">A line on stderr by which the command shows that it is at work.</param>
    public static SshConnection Start(SshTarget target, string command, string? beat = null)
    {
        string ssh = ExecutableSearch.Find("ssh") ?? throw new RemoteException(
            RemoteFailure.SshMissing, target.Host,
            "there is no ssh client on PATH; install it (Debian: apt-get install openssh-client).");
        // In a session of its own, so that Ctrl-C on our terminal reaches us alone: we end the command on the host in an orderly
        // way and hear what became of it, which a killed ssh could not tell.
        string? setsid = ExecutableSearch.Find("setsid");
        var start = new ProcessStartInfo(setsid ?? ssh)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardErrorEncoding = new UTF8Encoding(false),
        };
        if (setsid is not null)
            start.ArgumentList.Add(ssh);
        foreach (string argument in SshCommandLine.Build(target, command))
            start.ArgumentList.Add(argument);
        // The messages that SshFailure reads are translated by some libcs.
        start.Environment["LC_ALL"] = "C";
        try
        {
            return new SshConnection(target, CallerView.Run(() => Process.Start(start))!, beat);
        }
        catch (Win32Exception e)
        {
            throw new RemoteException(RemoteFailure.SshMissing, target.Host, $"{ssh} cannot be started: {Marshal.GetPInvokeErrorMessage(e.NativeErrorCode)}.", e);
        }
    }

    /// <summary>Ends the client when <paramref name="cancel"/> says so; whoever reads or writes sees the streams end.</summary>
    public void EndOn(CancellationToken cancel)
    {
        cancellation.Dispose();
        cancellation = cancel.Register(GiveUp);
    }

    /// <summary>Waits for the client to end by itself, kills it if it does not, and gives its exit code.</summary>
    public int WaitForEnd()
    {
        CloseInput();
        if (!process.WaitForExit(EndPatience))
            Kill();
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>What ssh and the command said on stderr; complete once the client has ended.</summary>
    public string Errors()
    {
        // A ProxyCommand of the user may hold the pipe a little longer than ssh lives.
        if (process.HasExited)
            errorReader.Join(TimeSpan.FromSeconds(1));
        lock (errors)
            return errors.ToString();
    }

    /// <summary>Tells the command that nothing more will come.</summary>
    public void CloseInput()
    {
        try
        {
            Input.Dispose();
        }
        catch (IOException)
        {
            // Nobody listens any more, which is what closing was to say.
        }
    }

    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        cancellation.Dispose();
        CloseInput();
        Kill();
        process.WaitForExit();
        errorReader.Join(TimeSpan.FromSeconds(1));
        process.Dispose();
    }

    private void GiveUp()
    {
        givenUp = true;
        Kill();
    }

    /// <summary>Asked by whoever waits; so no thread is needed to watch over the time.</summary>
    private bool IsGivenUp()
    {
        if (!givenUp && Pulse.Overdue() is { } why)
        {
            overdue = why;
            GiveUp();
        }
        return givenUp;
    }

    private void Kill()
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // Ended already.
        }
    }

    private void TakeBeats()
    {
        if (beat is null || errors.ToString() is var text && !text.Contains(beat, StringComparison.Ordinal))
            return;
        errors.Replace(beat, "");
        Pulse.Sign();
    }

    private void KeepErrors()
    {
        var buffer = new char[4096];
        try
        {
            for (int n; (n = process.StandardError.Read(buffer)) > 0;)
            {
                lock (errors)
                {
                    errors.Append(buffer, 0, n);
                    TakeBeats();
                    if (errors.Length > 2 * KeptErrorChars)
                        errors.Remove(0, errors.Length - KeptErrorChars);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The connection was disposed; nobody asks for its words any more.
        }
    }
}
