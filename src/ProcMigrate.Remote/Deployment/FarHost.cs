using System.Diagnostics;
using System.Text;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Remote.Deployment;

/// <summary>A host with our executable on it: brings it there when it is not, and starts it.</summary>
internal sealed class FarHost
{
    /// <summary>Start-up files of a login shell may print something before we speak; not without end.</summary>
    private const int MaxChatter = 64 * 1024;
    private const int UploadChunk = 64 * 1024;

    private readonly SshTarget target;
    private readonly LocalExecutable executable;
    private readonly FarScript script;
    private readonly Action<TransferProgress>? progress;

    private readonly TimeSpan loginPatience;

    /// <param name="login">Until it has to answer; null: as long as a login may take.</param>
    public FarHost(SshTarget target, Action<TransferProgress>? progress = null, TimeSpan? login = null)
    {
        (this.target, this.progress) = (target, progress);
        loginPatience = login ?? HostPatience.Login;
        executable = LocalExecutable.For(target);
        script = new FarScript(executable, Randomness.Hex(8));
    }

    /// <summary>What our own lines on a connection begin with.</summary>
    public string Marker => script.Marker;

    /// <summary>Time that the upload took; zero where the executable was there.</summary>
    public TimeSpan DeployTime { get; private set; }

    /// <summary>Starts <c>procmigrate receive</c>; the connection is at the point where it speaks.</summary>
    public SshConnection StartReceive(CancellationToken cancel) => StartDeployed(script.Receive(), cancel);

    /// <summary>Starts a verb; its output lines follow, and last a line of ours: <c>exit N</c>.</summary>
    public SshConnection StartVerb(IEnumerable<string> arguments, CancellationToken cancel) => StartDeployed(script.Verb(arguments), cancel);

    private SshConnection StartDeployed(string line, CancellationToken cancel)
    {
        // Nearly always the executable is there, so that is tried first: one connection does it all.
        var (connection, answer) = Start(line, cancel);
        if (answer is ["ready"])
            return connection;
        connection.Dispose();
        if (answer is not ["absent", var system, var machine, ..])
            throw Garbled(answer);
        CheckMachine(system, machine);
        Upload(cancel);

        (connection, answer) = Start(line, cancel);
        if (answer is ["ready"])
            return connection;
        connection.Dispose();
        throw new RemoteException(
            RemoteFailure.DeploymentFailed, target.Host,
            $"the executable was put on {target.DisplayName} but is not there any more; something there cleans its cache folder.");
    }

    private void Upload(CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        var (connection, answer) = Start(script.Upload(), cancel);
        using (connection)
        {
            if (answer is ["ready"])
            {
                connection.Pulse.Expect("take the executable", HostPatience.Login);
                SendExecutable(connection);
                connection.CloseInput();
                connection.Pulse.Expect("put the executable on its disk", HostPatience.Store, HostPatience.Store);
                answer = ReadAnswer(connection, "while the executable was being put there", cancel);
            }
            if (answer is ["failed", var step, ..])
            {
                connection.WaitForEnd();
                throw UploadFailed(step, connection.Errors());
            }
            if (answer is not ["stored"])
                throw Garbled(answer);
        }
        DeployTime = watch.Elapsed;
    }

    private void SendExecutable(SshConnection connection)
    {
        try
        {
            for (int done = 0; done < executable.Bytes.Length;)
            {
                int n = Math.Min(UploadChunk, executable.Bytes.Length - done);
                connection.Input.Write(executable.Bytes, done, n);
                done += n;
                progress?.Invoke(new TransferProgress("deploy", done, executable.Bytes.Length));
            }
            connection.Input.Flush();
        }
        catch (IOException)
        {
            // The far side stopped reading: it has said why, or the connection is gone. The answer tells.
        }
    }

    private (SshConnection Connection, string[] Answer) Start(string line, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var connection = SshConnection.Start(target, FarScript.CommandLine, script.Beat);
        connection.Pulse.Expect("log in and start procmigrate", loginPatience, loginPatience);
        try
        {
            connection.EndOn(cancel);
            try
            {
                connection.Input.Write(Encoding.ASCII.GetBytes(line + "\n"));
                connection.Input.Flush();
            }
            catch (IOException)
            {
                // ssh is gone; its end tells why.
            }
            return (connection, ReadAnswer(connection, null, cancel));
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>The next line of ours, in words.</summary>
    /// <param name="whileDoing">What a cut would have interrupted; null before the first answer.</param>
    private string[] ReadAnswer(SshConnection connection, string? whileDoing, CancellationToken cancel)
    {
        int chatter = 0;
        try
        {
            while (connection.Output.ReadLine(MaxChatter) is { } line)
            {
                if (line.StartsWith(script.Marker, StringComparison.Ordinal))
                    return line[script.Marker.Length..].Split(' ');
                if ((chatter += line.Length + 1) > MaxChatter)
                    throw new InvalidDataException("its start-up files print too much");
            }
        }
        catch (IOException)
        {
            // Given up, or broken: what follows finds out.
        }
        catch (InvalidDataException e)
        {
            throw new RemoteException(
                RemoteFailure.ProtocolError, target.Host, $"the login shell on {target.DisplayName} gets in the way: {e.Message}.", e);
        }
        cancel.ThrowIfCancellationRequested();
        if (connection.Silence is { } silent)
            throw silent;
        int exitCode = connection.WaitForEnd();
        cancel.ThrowIfCancellationRequested();
        throw NoAnswer(connection, exitCode, whileDoing);
    }

    private RemoteException NoAnswer(SshConnection connection, int exitCode, string? whileDoing)
    {
        if (exitCode != SshFailure.ClientFailed)
        {
            return new RemoteException(
                RemoteFailure.DeploymentFailed, target.Host, SshFailure.WithWords(
                    $"the login on {target.DisplayName} runs no commands (exit code {exitCode}); it needs a login shell and /bin/sh",
                    connection.Errors()));
        }
        return whileDoing is null
            ? SshFailure.BeforeLogin(target, connection.Errors(), exitCode)
            : SshFailure.Cut(target, whileDoing, connection.Errors());
    }

    private void CheckMachine(string system, string machine)
    {
        // BSD and some others say amd64 and arm64; none of them is Linux, but a Linux may be told to say so.
        string normal = machine switch { "amd64" => "x86_64", "arm64" => "aarch64", _ => machine };
        if (system == "Linux" && normal == executable.Machine)
            return;
        throw new RemoteException(
            RemoteFailure.WrongArchitecture, target.Host,
            $"{target.DisplayName} is {FarText.Clean(system)} on {FarText.Clean(machine)}, but this procmigrate and its images are for " +
            $"Linux on {executable.Machine}. A process can only go on on a host of the same kind.");
    }

    private RemoteException UploadFailed(string step, string stderr)
    {
        const string Remedy = "; XDG_CACHE_HOME, set there, names another place";
        bool full = stderr.Contains("No space left", StringComparison.Ordinal) || stderr.Contains("quota exceeded", StringComparison.OrdinalIgnoreCase);
        string host = target.DisplayName;
        string message = step switch
        {
            _ when full => $"no space on {host} for the executable ({executable.Bytes.Length:N0} bytes) in the cache folder{Remedy}",
            "folder" => $"the cache folder on {host} cannot be made{Remedy}",
            "owner" => $"the cache folder on {host}, or procmigrate in it, belongs to somebody else or can be written by others, so that nothing in it is run{Remedy}",
            "checksum" => $"the executable arrived damaged on {host}",
            "run" => $"the executable does not run on {host}: its file system may be mounted noexec, or its libc too old{Remedy}",
            _ => $"the executable cannot be written on {host}{Remedy}",
        };
        return new RemoteException(
            full ? RemoteFailure.NoSpace : RemoteFailure.DeploymentFailed, target.Host, SshFailure.WithWords(message, stderr));
    }

    private RemoteException Garbled(string[] answer) => new(
        RemoteFailure.ProtocolError, target.Host,
        $"{target.DisplayName} answers \"{FarText.Clean(string.Join(' ', answer))}\", which was not expected.");
}
