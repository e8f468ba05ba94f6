using System.Text.Json.Serialization;

namespace ProcMigrate.Cli.Output;

/// <summary>A line of <c>--json</c>. The discriminator comes first, so that a reader knows what it holds before it reads on.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(ProgressEvent), "progress")]
[JsonDerivedType(typeof(VerbResult), "result")]
[JsonDerivedType(typeof(ErrorEvent), "error")]
internal abstract record CliEvent;
