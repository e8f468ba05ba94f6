namespace ProcMigrate.Engine.Contracts;

/// <summary>One reason why a tree cannot be saved, or an image not restored here.</summary>
/// <param name="Id">Stable and documented in docs/limits.md, such as <c>NetworkConnection</c>.</param>
/// <param name="Pid">The process concerned, or null.</param>
/// <param name="Fd">The descriptor concerned, or null.</param>
/// <param name="What">The thing: path, address, number.</param>
/// <param name="Why">Why it cannot be moved.</param>
/// <param name="Remedy">What the user can do.</param>
public sealed record Blocker(string Id, int? Pid, int? Fd, string What, string Why, string Remedy);
