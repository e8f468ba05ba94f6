using System.Globalization;

namespace ProcMigrate.Linux;

/// <summary>An address in another process. A type of its own, so that it can never be taken for one of ours.</summary>
public readonly record struct RemoteAddress(ulong Value) : IComparable<RemoteAddress>
{
    public static readonly RemoteAddress Null;

    public bool IsNull => Value == 0;

    public static RemoteAddress operator +(RemoteAddress address, ulong bytes) => new(checked(address.Value + bytes));

    public static ulong operator -(RemoteAddress end, RemoteAddress start) => checked(end.Value - start.Value);

    public static bool operator <(RemoteAddress left, RemoteAddress right) => left.Value < right.Value;

    public static bool operator >(RemoteAddress left, RemoteAddress right) => left.Value > right.Value;

    public static bool operator <=(RemoteAddress left, RemoteAddress right) => left.Value <= right.Value;

    public static bool operator >=(RemoteAddress left, RemoteAddress right) => left.Value >= right.Value;

    public static RemoteAddress Add(RemoteAddress address, ulong bytes) => address + bytes;

    public static ulong Subtract(RemoteAddress end, RemoteAddress start) => end - start;

    public int CompareTo(RemoteAddress other) => Value.CompareTo(other.Value);

    public override string ToString() => "0x" + Value.ToString("x", CultureInfo.InvariantCulture);
}
