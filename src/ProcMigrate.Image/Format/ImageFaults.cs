namespace ProcMigrate.Image.Format;

/// <summary>Words the refusals of one image.</summary>
internal sealed class ImageFaults(string path)
{
    public string Path => path;

    public ImageException Damaged(string why, Exception? inner = null) =>
        new(ImageError.Damaged, path, $"{path} is damaged: {why}; fetch it again, or restore from another copy", inner);

    public ImageException TooLarge(string what, long found, long limit) =>
        new(ImageError.TooLarge, path, $"{path}: {what}: {found:N0} is above the limit of {limit:N0}");

    public ImageException UnknownContent(string what) =>
        new(ImageError.UnknownContent, path, $"{path} holds {what}, which this version of procmigrate cannot read; use a newer one");

    public ImageException Truncated() =>
        new(ImageError.Truncated, path,
            $"{path} does not end as an image does: it was cut short, or something was appended; fetch it again");

    public ImageException NotAnImage(string why) =>
        new(ImageError.NotAnImage, path, $"{path} is not a process image: {why}");

    public ImageException UnknownVersion(uint version) =>
        new(ImageError.UnknownVersion, path,
            $"{path} is in image format {version}; this procmigrate reads formats {ImageTrailer.PlainVersion} to {ImageTrailer.CurrentVersion}: "
            + (version > ImageTrailer.CurrentVersion ? "use a newer one" : "use the one that wrote it"));
}
