namespace ProcMigrate.Image;

/// <summary>An image that cannot be read or written; the message names the file, the reason, and what can be done.</summary>
public sealed class ImageException : Exception
{
    /// <summary>Makes the exception; <paramref name="message"/> is complete, the path included.</summary>
    public ImageException(ImageError error, string imagePath, string message, Exception? inner = null)
        : base(message, inner) => (Error, ImagePath) = (error, imagePath);

    /// <summary>The class of the failure.</summary>
    public ImageError Error { get; }

    /// <summary>The image, or the file that was to become one.</summary>
    public string ImagePath { get; }

    /// <summary>errno of the system call that failed, or 0.</summary>
    public int Errno { get; init; }

    /// <summary>With <see cref="ImageError.NoSpace"/>: bytes that the file needed up to the failure; more may have followed.</summary>
    public long BytesNeeded { get; init; }
}
