using System.Collections;
using System.Globalization;

namespace ProcMigrate.PowerShell.Running;

/// <summary>
/// Builds a command line of the binary. Options come first and in one word each (--name=value), arguments after --, so that
/// no value can be mistaken for an option.
/// </summary>
internal sealed class VerbArguments
{
    private readonly List<string> options;
    private readonly List<string> arguments = [];

    public VerbArguments(string verb) => options = [verb, "--json"];

    public VerbArguments Flag(string name, bool given)
    {
        if (given)
            options.Add(name);
        return this;
    }

    public VerbArguments Option(string name, string? value)
    {
        if (value is not null)
            options.Add($"{name}={value}");
        return this;
    }

    /// <summary>An option that may be given several times.</summary>
    public VerbArguments Options(string name, IEnumerable<string> values)
    {
        foreach (var value in values)
            Option(name, value);
        return this;
    }

    public VerbArguments Options(string name, IEnumerable<int> values) =>
        Options(name, values.Select(value => value.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A choice, in the binary's small letters; null: not given.</summary>
    public VerbArguments Choice<T>(string name, T? value)
        where T : struct, Enum => Option(name, value?.ToString().ToLowerInvariant());

    /// <summary>What of a tree's files goes along; to name files implies it.</summary>
    public VerbArguments Bundle(bool given, IEnumerable<string> include, IEnumerable<string> exclude)
    {
        string[] taken = [.. include];
        string[] left = [.. exclude];
        return Flag("--bundle", given || taken.Length + left.Length > 0).Options("--include", taken).Options("--exclude", left);
    }

    /// <param name="filesPath">The folder for a bundle's files, as the place of the restore knows it.</param>
    public VerbArguments RestoredAs(IRestoreParameters how, string? filesPath) => this
        .Flag("--pid-namespace", how.PidNamespace)
        .Option("--files", filesPath)
        .Flag("--same-names", how.SameNames)
        .Flag("--reuse-host-files", how.ReuseHostFiles)
        .Options("--map", how.PathMap.Cast<DictionaryEntry>().Select(map => $"{map.Key}={map.Value}").Order(StringComparer.Ordinal))
        .Choice<ImageFileChange>("--file-changed", how.FileChanged == ImageFileChange.Refuse ? null : how.FileChanged)
        .Flag("--force", how.Force);

    public VerbArguments Tcp(ImageTcpPolicy policy) => Choice<ImageTcpPolicy>("--tcp", policy == ImageTcpPolicy.Refuse ? null : policy);

    public VerbArguments Argument(string value)
    {
        arguments.Add(value);
        return this;
    }

    public VerbArguments Argument(int value) => Argument(value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Lets the verb run where the place is.</summary>
    public VerbArguments At(Place place) => place.HostName is null ? this : Option("--host", place.HostName).With(place.Login);

    public VerbArguments With(HostLogin login)
    {
        options.AddRange(login.Arguments());
        return this;
    }

    public IReadOnlyList<string> Build() => arguments.Count == 0 ? options : [.. options, "--", .. arguments];
}
