namespace ProcMigrate.Tests.Linux;

/// <summary>What a struct of ours is in C.</summary>
/// <param name="Name">Our name.</param>
/// <param name="CType">The type in C.</param>
/// <param name="Headers">The headers that declare it, in order; structs of the same headers share a translation unit.</param>
/// <param name="Renamed">Fields with another name in C, as "ours=theirs"; the rest bear the same one.</param>
/// <param name="Declaration">C text behind the headers: a composition, or the declaration where headers may be too old.</param>
internal sealed record KernelStruct(string Name, string CType, string Headers, string Renamed = "", string Declaration = "")
{
    public string CField(string ours)
    {
        foreach (string pair in Renamed.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] names = pair.Split('=');
            if (names[0] == ours)
                return names[1];
        }
        return ours;
    }
}
