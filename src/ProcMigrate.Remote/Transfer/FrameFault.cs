namespace ProcMigrate.Remote.Transfer;

/// <summary>What is wrong with a stream of frames.</summary>
internal enum FrameFault
{
    /// <summary>It ends between two frames or within one.</summary>
    Ended,

    /// <summary>Silence for too long.</summary>
    Silent,

    /// <summary>No frame begins here: another program speaks.</summary>
    NotAFrame,

    /// <summary>A type that this version does not know, or that has no place here.</summary>
    UnexpectedType,

    /// <summary>A length above the limit of its type.</summary>
    TooLong,

    /// <summary>The checksum differs.</summary>
    Damaged,

    /// <summary>A payload that does not say what its type demands.</summary>
    BadPayload,
}
