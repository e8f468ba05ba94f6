namespace ProcMigrate.Image;

/// <summary>How the bytes of an extent are stored.</summary>
public enum ExtentCodec : ushort
{
    /// <summary>As they are.</summary>
    None = 0,

    /// <summary>One LZ4 block that can be decoded by itself.</summary>
    Lz4 = 1,
}
