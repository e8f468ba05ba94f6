using System.Globalization;

namespace ProcMigrate.Engine.Host;

/// <summary>
/// Names of users, for people to read. From /etc/passwd alone: to ask a directory service would take a C library that loads its modules.
/// </summary>
internal static class UserNames
{
    /// <returns><c>user ann (1000)</c>, or <c>user 1000</c>.</returns>
    public static string Describe(uint uid)
    {
        string number = uid.ToString(CultureInfo.InvariantCulture);
        try
        {
            foreach (string line in File.ReadLines("/etc/passwd"))
            {
                if (line.Split(':') is [{ Length: > 0 } name, _, var id, ..] && id == number)
                    return $"user {name} ({number})";
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A number is a name, too.
        }
        return $"user {number}";
    }
}
