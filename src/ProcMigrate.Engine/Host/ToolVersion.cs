using System.Reflection;

namespace ProcMigrate.Engine.Host;

/// <summary>The version, from the one place in Directory.Build.props.</summary>
public static class ToolVersion
{
    public static string Text { get; } =
        typeof(ToolVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
