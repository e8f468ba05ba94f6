namespace ProcMigrate.Image.Format;

/// <summary>What an extent holds. The owner is a pid, an object id, or 0.</summary>
internal enum ExtentKind : ushort
{
    /// <summary>First page of the ELF core of process OWNER.</summary>
    CoreHeader = 1,

    /// <summary>Memory of process OWNER, at ADDRESS.</summary>
    Memory = 2,

    /// <summary>Notes of the core of process OWNER.</summary>
    CoreNotes = 3,

    /// <summary>Program headers of the core of process OWNER; the core ends here.</summary>
    CoreSegments = 4,

    /// <summary>Content of kernel object OWNER, at offset ADDRESS.</summary>
    ObjectData = 5,

    /// <summary>JSON of the tree.</summary>
    Tree = 6,
}
