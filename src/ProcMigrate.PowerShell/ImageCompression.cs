namespace ProcMigrate;

/// <summary>How images are sent.</summary>
public enum ImageCompression
{
    /// <summary>Measured all the time: packed where that is faster.</summary>
    Auto,

    /// <summary>Packed.</summary>
    Lz4,

    /// <summary>As they are.</summary>
    None,
}
