using System.Reflection;

namespace ProcMigrate.HelpBuilder;

/// <summary>A parameter of a cmdlet.</summary>
internal sealed record ParameterShape(string Name, Type? Type, IReadOnlyList<string> Aliases, bool Wildcards, IReadOnlyList<ParameterPlace> Places, IReadOnlyList<string>? Allowed = null, string? DeclaredDefault = null)
{
    private static readonly ParameterPlace Anywhere = new(CmdletShape.AllSets, false, null, false, false);

    /// <summary>What PowerShell adds to a cmdlet that asks before it changes something.</summary>
    public static IReadOnlyList<ParameterShape> OfShouldProcess { get; } =
        [new("WhatIf", null, ["wi"], false, [Anywhere]), new("Confirm", null, ["cf"], false, [Anywhere])];

    public bool IsSwitch => Type is null || Type.Name == "SwitchParameter";

    public string TypeName => Type is null ? "SwitchParameter" : (Nullable.GetUnderlyingType(Type) ?? Type).Name;

    /// <summary>The words that it takes: those it is held to by ValidateSet, or all of its enum.</summary>
    public IReadOnlyList<string> Choices => Allowed ?? (Type is { IsEnum: true } ? Enum.GetNames(Type) : []);

    /// <summary>What Get-Help tells: PSDefaultValue where it is declared, else what the type begins with.</summary>
    public string Default => DeclaredDefault ?? (IsSwitch ? "False" : Type is { IsEnum: true } ? Enum.GetName(Type, 0) ?? "None" : "None");

    public static ParameterShape? TryOf(PropertyInfo property)
    {
        var attributes = property.GetCustomAttributesData();
        ParameterPlace[] places =
        [
            .. attributes.Where(data => data.AttributeType.Name == "ParameterAttribute").Select(data => new ParameterPlace(
                CmdletShape.Named(data, "ParameterSetName") as string ?? CmdletShape.AllSets,
                CmdletShape.Named(data, "Mandatory") is true,
                CmdletShape.Named(data, "Position") is int position ? position : null,
                CmdletShape.Named(data, "ValueFromPipeline") is true,
                CmdletShape.Named(data, "ValueFromPipelineByPropertyName") is true)),
        ];
        if (places.Length == 0)
            return null;
        var told = attributes.FirstOrDefault(data => data.AttributeType.Name == "PSDefaultValueAttribute");
        var allowed = Words(attributes, "ValidateSetAttribute");
        return new(
            property.Name, property.PropertyType, Words(attributes, "AliasAttribute"),
            attributes.Any(data => data.AttributeType.Name == "SupportsWildcardsAttribute"), places, allowed.Length > 0 ? allowed : null,
            told is null ? null : CmdletShape.Named(told, "Help") as string ?? CmdletShape.Named(told, "Value")?.ToString());
    }

    private static string[] Words(IList<CustomAttributeData> attributes, string name) =>
    [
        .. attributes.Where(data => data.AttributeType.Name == name)
            .SelectMany(data => (IReadOnlyCollection<CustomAttributeTypedArgument>)data.ConstructorArguments[0].Value!)
            .Select(argument => (string)argument.Value!),
    ];

    public ParameterPlace? In(string set) => Places.FirstOrDefault(place => place.Set == set || place.Set == CmdletShape.AllSets);
}

/// <summary>How a parameter stands in a set.</summary>
internal sealed record ParameterPlace(string Set, bool Mandatory, int? Position, bool FromPipeline, bool FromProperty)
{
    public string PositionText => Position?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "named";

    public string PipelineText => (FromPipeline, FromProperty) switch
    {
        (true, true) => "True (ByPropertyName, ByValue)",
        (true, false) => "True (ByValue)",
        (false, true) => "True (ByPropertyName)",
        _ => "False",
    };
}
