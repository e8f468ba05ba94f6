namespace ProcMigrate.Image;

/// <summary>What is wrong with an image, or with the place where one is to be written.</summary>
public enum ImageError
{
    /// <summary>The file is something else: it neither begins nor ends as an image does.</summary>
    NotAnImage,

    /// <summary>No file has that name.</summary>
    NotFound,

    /// <summary>The file is there but cannot be read: no permission, or the device fails.</summary>
    CannotRead,

    /// <summary>It begins as an image does but its end is missing, as after a broken transfer.</summary>
    Truncated,

    /// <summary>Written in a format that this version of the program does not know.</summary>
    UnknownVersion,

    /// <summary>Intact and of a known version, yet holds an extent of a kind or codec that this version cannot read.</summary>
    UnknownContent,

    /// <summary>A checksum differs, or what it says contradicts itself.</summary>
    Damaged,

    /// <summary>A count or size is above the limits of <see cref="ImageLimits"/>.</summary>
    TooLarge,

    /// <summary>The target exists and may not be overwritten.</summary>
    Exists,

    /// <summary>The target cannot be written: no such folder, no permission, read-only, device failure.</summary>
    CannotWrite,

    /// <summary>The disk, the quota or the file size limit is exhausted.</summary>
    NoSpace,
}
