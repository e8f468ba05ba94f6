#if PROCMIGRATE_TESTS
// The unit tests see the internals, so this class, of several assemblies: a copy in a nearer namespace ends the ambiguity.
namespace ProcMigrate.Tests;
#else
namespace ProcMigrate;
#endif

/// <summary>
/// The sequence operators we use most, as plain iterators, for all code of ours in place of LINQ's own (extension methods of an
/// enclosing namespace win). LINQ fuses chains by virtual generic methods, so that NativeAOT compiles every pairing of a
/// source type with a result type in the program: more than a megabyte of the binary. System.Linq of .NET 10 has a switch
/// for it (IsSizeOptimized); this file goes when the framework moves there.
/// </summary>
internal static class PlainSequences
{
    public static IEnumerable<TResult> Select<TSource, TResult>(this IEnumerable<TSource> source, Func<TSource, TResult> selector)
    {
        foreach (TSource item in source)
            yield return selector(item);
    }

    public static IEnumerable<TResult> Select<TSource, TResult>(this IEnumerable<TSource> source, Func<TSource, int, TResult> selector)
    {
        int index = 0;
        foreach (TSource item in source)
            yield return selector(item, index++);
    }

    public static IEnumerable<TResult> SelectMany<TSource, TResult>(
        this IEnumerable<TSource> source, Func<TSource, IEnumerable<TResult>> selector)
    {
        foreach (TSource item in source)
        {
            foreach (TResult result in selector(item))
                yield return result;
        }
    }

    public static IEnumerable<TSource> Where<TSource>(this IEnumerable<TSource> source, Func<TSource, bool> predicate)
    {
        foreach (TSource item in source)
        {
            if (predicate(item))
                yield return item;
        }
    }

    public static IEnumerable<TSource> Where<TSource>(this IEnumerable<TSource> source, Func<TSource, int, bool> predicate)
    {
        int index = 0;
        foreach (TSource item in source)
        {
            if (predicate(item, index++))
                yield return item;
        }
    }

    public static IEnumerable<TSource> Skip<TSource>(this IEnumerable<TSource> source, int count)
    {
        foreach (TSource item in source)
        {
            if (count-- <= 0)
                yield return item;
        }
    }

    public static IEnumerable<TSource> Take<TSource>(this IEnumerable<TSource> source, int count)
    {
        foreach (TSource item in source)
        {
            if (count-- <= 0)
                yield break;
            yield return item;
        }
    }

    public static IEnumerable<TSource> Concat<TSource>(this IEnumerable<TSource> first, IEnumerable<TSource> second)
    {
        foreach (TSource item in first)
            yield return item;
        foreach (TSource item in second)
            yield return item;
    }

    /// <summary>Stable, as LINQ's.</summary>
    public static IEnumerable<TSource> OrderBy<TSource, TKey>(this IEnumerable<TSource> source, Func<TSource, TKey> key)
        where TKey : IComparable<TKey>
    {
        TSource[] items = [.. source];
        int[] order = [.. Enumerable.Range(0, items.Length)];
        Array.Sort(order, (a, b) => key(items[a]).CompareTo(key(items[b])) is not 0 and var unequal ? unequal : a - b);
        foreach (int index in order)
            yield return items[index];
    }
}
