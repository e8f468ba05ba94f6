using System.Reflection;

namespace ProcMigrate.HelpBuilder;

/// <summary>A cmdlet as its attributes declare it. They are read as data: the reference assembly of PowerShell cannot be run.</summary>
internal sealed record CmdletShape(string Verb, string Noun, bool SupportsShouldProcess, string DefaultSet, IReadOnlyList<ParameterShape> Parameters, IReadOnlyList<string> Outputs)
{
    /// <summary>The set of parameters that belong to every set.</summary>
    public const string AllSets = "__AllParameterSets";

    public string Name => $"{Verb}-{Noun}";

    /// <summary>The default set first.</summary>
    public IEnumerable<string> Sets
    {
        get
        {
            var sets = Parameters.SelectMany(parameter => parameter.Places.Select(place => place.Set)).Where(set => set != AllSets).Distinct().ToList();
            return sets.Count == 0 ? [AllSets] : sets.OrderBy(set => set == DefaultSet ? 0 : 1);
        }
    }

    public static IEnumerable<CmdletShape> In(Assembly module) =>
        module.GetExportedTypes().Where(type => Attribute(type, "CmdletAttribute") is not null).Select(Of).OrderBy(shape => shape.Name, StringComparer.Ordinal);

    public static CmdletShape Of(Type type)
    {
        var cmdlet = Attribute(type, "CmdletAttribute")!;
        var parameters = type.GetProperties().Select(ParameterShape.TryOf).OfType<ParameterShape>().ToList();
        var should = Named(cmdlet, "SupportsShouldProcess") is true;
        return new(
            (string)cmdlet.ConstructorArguments[0].Value!, (string)cmdlet.ConstructorArguments[1].Value!, should,
            Named(cmdlet, "DefaultParameterSetName") as string ?? AllSets,
            [.. parameters.Concat(should ? ParameterShape.OfShouldProcess : []).OrderBy(parameter => parameter.Name, StringComparer.Ordinal)],
            OutputsOf(type));
    }

    internal static object? Named(CustomAttributeData data, string name) =>
        data.NamedArguments.FirstOrDefault(argument => argument.MemberName == name).TypedValue.Value;

    private static CustomAttributeData? Attribute(Type type, string name) =>
        type.GetCustomAttributesData().FirstOrDefault(data => data.AttributeType.Name == name);

    private static string[] OutputsOf(Type type) =>
    [
        .. type.GetCustomAttributesData().Where(data => data.AttributeType.Name == "OutputTypeAttribute")
            .SelectMany(data => (IReadOnlyCollection<CustomAttributeTypedArgument>)data.ConstructorArguments[0].Value!)
            .Select(argument => ((Type)argument.Value!).FullName!),
    ];
}
