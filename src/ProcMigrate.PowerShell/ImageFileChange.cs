namespace ProcMigrate;

/// <summary>What is done about files that changed since the save.</summary>
public enum ImageFileChange
{
    /// <summary>They are blockers.</summary>
    Refuse,

    /// <summary>They are taken as they are.</summary>
    Accept,

    /// <summary>One that the program writes to, and that has grown, is cut back to the size it had.</summary>
    Truncate,
}
