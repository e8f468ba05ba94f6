namespace ProcMigrate.Image;

/// <summary>Takes pages of a process that have arrived.</summary>
/// <param name="offset">Where they stand in the image.</param>
/// <returns>False: they are to be kept in the image.</returns>
public delegate bool PageTaker(int pid, ulong address, long offset, ReadOnlySpan<byte> pages);

/// <summary>
/// An image that is still on its way here, sent by way of an <see cref="ImageSink"/>; its tree is known already, from a description
/// (<see cref="ImageReader.WriteDescription"/>). So its memory can go straight to where it belongs.
/// </summary>
public abstract class ArrivingImage
{
    /// <summary>Returns when all of it is here; nothing is true of the pages taken before that.</summary>
    /// <returns>Path of the image, in which there are holes where pages were taken out.</returns>
    public abstract string Receive(PageTaker take);
}
