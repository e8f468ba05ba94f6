namespace ProcMigrate.Remote.Transfer;

/// <summary>What a frame carries. Near is the sending side, far the receiving one.</summary>
internal enum FrameType : byte
{
    /// <summary>Near: an <see cref="ImageOffer"/>, first of all.</summary>
    Offer = 1,

    /// <summary>Far: a <see cref="TransferGo"/>: from where to send.</summary>
    Go = 2,

    /// <summary>Near: the offset in the image, 8 bytes, and the bytes that stand there.</summary>
    Data = 3,

    /// <summary>Near: nothing more comes.</summary>
    End = 4,

    /// <summary>Far: an <see cref="ImageStored"/>: verified, durable, under its name. The last frame.</summary>
    Stored = 5,

    /// <summary>Far, at any time: a <see cref="TransferRefusal"/>. The last frame.</summary>
    Refused = 6,

    /// <summary>Near: the offset in the image, 8 bytes, the length once unpacked, 4 bytes, and an LZ4 block.</summary>
    Packed = 7,

    /// <summary>Far: a step of a check or migration is done: which one (<see cref="FarStep"/>), the id of the offer, and a text.</summary>
    Answer = 8,

    /// <summary>Far: a check or a migration failed, and nothing of it is left there; as an answer, with the line of the error. The last frame.</summary>
    Failed = 9,

    /// <summary>Near: the tree, named by its id, may run over there. This side has made sure that it runs here no more, whatever happens.</summary>
    Commit = 10,

    /// <summary>Near: a piece of the image that is memory, with where it belongs (<see cref="MemoryPlace"/>).</summary>
    Memory = 11,

    /// <summary>Near: nothing yet, but still at work.</summary>
    Alive = 12,
}

/// <summary>What an answer of the far side is about.</summary>
internal enum FarStep : byte
{
    /// <summary>The description has been judged; the text is the result of the verb check.</summary>
    Judged = 1,

    /// <summary>The tree is there, complete and held.</summary>
    Ready = 2,

    /// <summary>The tree runs; the text is the result of the verb restore.</summary>
    Runs = 3,

    /// <summary>It is settled what becomes of a migration; the text is the outcome.</summary>
    Settled = 4,

    /// <summary>All that was begun is undone; the text is the line of the error.</summary>
    Undone = 5,
}
