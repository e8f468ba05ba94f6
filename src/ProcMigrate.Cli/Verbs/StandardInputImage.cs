using System.Globalization;
using Microsoft.Win32.SafeHandles;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Engine.Namespaces;

namespace ProcMigrate.Cli.Verbs;

/// <summary>
/// An image that came on stdin. A restore reads back and forth in it, so it is laid down in a file without a name first: nothing
/// is left behind however the process ends.
/// </summary>
internal sealed class StandardInputImage : IDisposable
{
    private readonly FileStream file;

    private StandardInputImage(FileStream file) => this.file = file;

    /// <summary>Good in this process and its tracees as long as this object lives.</summary>
    public string Path => string.Create(
        CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{file.SafeFileHandle.DangerousGetHandle()}");

    public SafeFileHandle Handle => file.SafeFileHandle;

    public long Length => file.Length;

    public static StandardInputImage Read(CancellationToken cancel)
    {
        if (!Console.IsInputRedirected)
            throw new UsageException("restore - reads the image from stdin, but stdin is a terminal: redirect it from the image.");
        if (InsideNamespaces.Current?.ImageDescriptor is { } laidDown)
            return new StandardInputImage(new FileStream(new SafeFileHandle(laidDown, ownsHandle: true), FileAccess.Read, 0));
        var name = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"procmigrate-{Guid.NewGuid():N}.pmi");
        var file = new FileStream(name, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 0,
        });
        try
        {
            File.Delete(name);
            using var input = Console.OpenStandardInput();
            var buffer = new byte[1 << 20];
            while (ReadOrLeave(input, buffer, cancel) is var count and > 0)
                file.Write(buffer.AsSpan(0, count));

            return new StandardInputImage(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => file.Dispose();

    /// <summary>A read of a pipe cannot be interrupted, but it can be left behind: the process ends next.</summary>
    private static int ReadOrLeave(Stream input, byte[] buffer, CancellationToken cancel) =>
        input.ReadAsync(buffer, CancellationToken.None).AsTask().WaitAsync(cancel).GetAwaiter().GetResult();
}
