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

    /// <summary>Far: a step of a migration is done; the payload depends on the step.</summary>
    Answer = 8,

    /// <summary>Far: a check or a migration failed, and nothing of it is left there; the line of the error. The last frame.</summary>
    Failed = 9,

    /// <summary>Near: the tree may run over there. This side has made sure that it runs here no more, whatever happens.</summary>
    Commit = 10,

    /// <summary>Near: a piece of the image that is memory, with where it belongs (<see cref="MemoryPlace"/>).</summary>
    Memory = 11,
}
