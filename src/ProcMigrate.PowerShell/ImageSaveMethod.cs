namespace ProcMigrate;

/// <summary>How memory is taken.</summary>
public enum ImageSaveMethod
{
    /// <summary>What fits best.</summary>
    Auto,

    /// <summary>The program stands still while its memory is written.</summary>
    Stop,
}
