using System.Text.Json.Serialization;

namespace ProcMigrate.Image.Records;

/// <summary>What stands behind a mapping.</summary>
public enum MappingBacking
{
    /// <summary>Private anonymous memory.</summary>
    Anonymous,

    /// <summary>A file, memfd or shared memory object: <see cref="MappingRecord.ObjectId"/> tells.</summary>
    Object,

    /// <summary>The kernel's code page.</summary>
    Vdso,

    /// <summary>The kernel's data pages read by the vdso (vvar, vvar_vclock).</summary>
    Vvar,
}

/// <summary>One mapping of an address space (one VMA).</summary>
public sealed record MappingRecord
{
    public required ulong Start { get; init; }
    public required ulong End { get; init; }

    /// <summary>PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4.</summary>
    public required int Protection { get; init; }
    public required bool Shared { get; init; }
    [JsonIgnore]
    public MappingBacking Backing { get; set; }

    [JsonRequired]
    [JsonPropertyName("backing")]
    public string BackingWord
    {
        get => Backing.ToString();
        init => Backing = (MappingBacking)Word.Parse(typeof(MappingBacking), value);
    }


    /// <summary>The object mapped, or 0.</summary>
    public int ObjectId { get; init; }

    /// <summary>Offset of <see cref="Start"/> in the object, in bytes.</summary>
    public ulong ObjectOffset { get; init; }

    /// <summary>Name given with PR_SET_VMA_ANON_NAME, or the kernel's own such as <c>[heap]</c>, <c>[vvar]</c>; else null.</summary>
    public string? Name { get; init; }

    /// <summary>The two-letter VmFlags of /proc/PID/smaps.</summary>
    public required IReadOnlyList<string> VmFlags { get; init; }

    /// <summary>Memory protection key, 0 where none was set.</summary>
    public int ProtectionKey { get; init; }

    /// <summary>Page size of anonymous memory of hugetlb (MAP_HUGETLB), else 0.</summary>
    public int HugePageBytes { get; init; }

    /// <summary>Ranges made inaccessible with MADV_GUARD_INSTALL.</summary>
    public IReadOnlyList<AddressRange> Guards { get; init; } = [];
}

/// <summary>A range of addresses, end excluded.</summary>
public sealed record AddressRange(ulong Start, ulong End);
