namespace ProcMigrate;

/// <summary>One thing that differs between two images.</summary>
public sealed class ImageDifference
{
    /// <summary>Process, Thread, Mapping, Descriptor, Environment, File, Memory …</summary>
    public required string Item { get; init; }

    /// <summary>The process concerned, or null.</summary>
    public int? ProcessId { get; init; }

    /// <summary>Which one: a name, an address, a number.</summary>
    public required string Key { get; init; }

    /// <summary>In the first image; null where it is not there.</summary>
    public string? Reference { get; init; }

    /// <summary>In the second image; null where it is not there.</summary>
    public string? Difference { get; init; }

    /// <summary>As Compare-Object shows it: &lt;= only in the first, =&gt; only in the second, &lt;&gt; in both, and not the same.</summary>
    public string SideIndicator => (Reference, Difference) switch
    {
        (not null, null) => "<=",
        (null, not null) => "=>",
        _ => "<>",
    };

    public override string ToString() => $"{Item} {Key}: {Reference ?? "-"} {SideIndicator} {Difference ?? "-"}";
}
