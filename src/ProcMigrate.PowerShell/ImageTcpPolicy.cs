namespace ProcMigrate;

/// <summary>What becomes of TCP connections whose other end is not in the tree.</summary>
public enum ImageTcpPolicy
{
    /// <summary>They are blockers.</summary>
    Refuse,

    /// <summary>The program finds them closed.</summary>
    Close,

    /// <summary>They move along; the address must come to the other host too.</summary>
    Migrate,
}
