namespace ProcMigrate.Engine.Kinds;

/// <summary>What somebody who opens a leased file waits for its lease to become.</summary>
internal enum LeaseBreak
{
    /// <summary>Nobody waits.</summary>
    None,

    /// <summary>A read lease: somebody wants to read.</summary>
    ToRead,

    /// <summary>Given up: somebody wants to write.</summary>
    ToNothing,
}
