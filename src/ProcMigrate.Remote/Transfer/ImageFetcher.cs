using System.Globalization;
using System.Text;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote.Deployment;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Remote.Transfer;

/// <summary>
/// Gets an image from a host. All it needs there is a shell and cat. Here the image has no name until it is whole, verified and
/// durable; whatever happens before leaves nothing behind.
/// </summary>
internal sealed class ImageFetcher(SshTarget target, Action<TransferProgress>? progress, CancellationToken cancel)
{
    private const string Marker = "procmigrate-fetch ";
    private const int MaxLine = 64 * 1024;
    private const int BlockBytes = 1 << 20;

    /// <param name="from">The image's path there.</param>
    /// <param name="to">The file here, which must not exist.</param>
    /// <exception cref="ImageException">It arrived damaged, or cannot be written here.</exception>
    /// <exception cref="RemoteException">The host failed.</exception>
    public Guid Fetch(string from, string to)
    {
        using var file = TargetFile.Create(to, overwrite: false);
        using var connection = SshConnection.Start(target, FarScript.CommandLine);
        connection.EndOn(cancel);
        connection.Pulse.Expect("send the image", HostPatience.Login, bytes: true);
        var length = Ask(connection, from);
        file.BytesNeeded = length;
        Copy(connection, file, length);
        var id = Verify(file, from);
        file.Publish();
        return id;
    }

    /// <returns>Bytes of the file there; they follow on the connection.</returns>
    private long Ask(SshConnection connection, string from)
    {
        var script =
            $"{PosixShell.SetParameters([from])}f=$1; case $f in '~/'*) f=$HOME/${{f#??}};; esac; " +
            $"say() {{ printf '\\n{Marker}%s\\n' \"$1\"; }}; " +
            "if [ ! -f \"$f\" ]; then say missing; elif [ ! -r \"$f\" ]; then say denied; else say \"$(wc -c <\"$f\")\"; cat <\"$f\"; fi";
        try
        {
            connection.Input.Write(Encoding.ASCII.GetBytes(script + "\n"));
            connection.Input.Flush();
        }
        catch (IOException)
        {
            // ssh is gone; its end tells why.
        }

        long chatter = 0;
        while (ReadLine(connection) is { } line)
        {
            if (!line.StartsWith(Marker, StringComparison.Ordinal))
            {
                if ((chatter += line.Length + 1) > MaxLine)
                    throw new RemoteException(RemoteFailure.ProtocolError, target.Host, $"{target.DisplayName} answers wrongly: its start-up files print too much.");
                continue;
            }
            var answer = line[Marker.Length..].Trim();
            if (long.TryParse(answer, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
                return length;
            throw answer == "denied"
                ? new ImageException(ImageError.CannotRead, from, $"{from} on {target.DisplayName} cannot be read by that user") { Errno = Posix.EACCES }
                : new ImageException(ImageError.NotFound, from, $"{from} does not exist on {target.DisplayName}");
        }

        cancel.ThrowIfCancellationRequested();
        throw connection.Silence ?? SshFailure.BeforeLogin(target, connection.Errors(), connection.WaitForEnd());
    }

    private string? ReadLine(SshConnection connection)
    {
        try
        {
            return connection.Output.ReadLine(MaxLine);
        }
        catch (IOException)
        {
            return null;
        }
        catch (InvalidDataException e)
        {
            throw new RemoteException(RemoteFailure.ProtocolError, target.Host, $"{target.DisplayName} answers wrongly: {e.Message}.", e);
        }
    }

    private void Copy(SshConnection connection, TargetFile file, long length)
    {
        var buffer = new byte[BlockBytes];
        for (long done = 0; done < length;)
        {
            var count = ReadSome(connection, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - done)));
            cancel.ThrowIfCancellationRequested();
            if (count == 0)
            {
                connection.WaitForEnd();
                throw connection.Silence ?? SshFailure.Cut(target, $"after {done:N0} of {length:N0} bytes. Nothing of it stays here; get it again", connection.Errors());
            }

            file.Write(buffer.AsSpan(0, count), done);
            done += count;
            progress?.Invoke(new TransferProgress("receive", done, length));
        }
    }

    private static int ReadSome(SshConnection connection, Span<byte> buffer)
    {
        try
        {
            return connection.Output.Read(buffer);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private Guid Verify(TargetFile file, string from)
    {
        // It has no name yet, but a path all the same.
        var unnamed = $"/proc/self/fd/{file.Handle.DangerousGetHandle()}";
        try
        {
            using var image = ImageReader.Open(unnamed);
            image.VerifyMemory(null, cancel);
            return image.Tree.Id;
        }
        catch (ImageException e) when (e.Error is not ImageError.CannotRead)
        {
            throw new ImageException(e.Error, from, $"{e.Message.Replace(unnamed, $"{target.DisplayName}:{from}", StringComparison.Ordinal)}; nothing of it is kept here");
        }
    }
}
