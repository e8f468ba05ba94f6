namespace ProcMigrate;

/// <summary>How memory is stored or sent.</summary>
public enum ImageCompression
{
    /// <summary>Measured all the time: packed where that is faster. Only for what is sent.</summary>
    Auto,

    /// <summary>Packed.</summary>
    Lz4,

    /// <summary>As it is.</summary>
    None,
}
