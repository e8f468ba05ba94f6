using System.Globalization;

namespace ProcMigrate.PowerShell.Running;

/// <summary>Names of image files, as the binary chooses them where it is free to: NAME-PID-YYYYMMDDTHHMMSS.pmi.</summary>
internal static class ImageName
{
    public static string For(string processName, int pid, DateTime now)
    {
        var safe = string.Concat(processName.Select((letter, i) => letter == '/' || char.GetUnicodeCategory(letter) is UnicodeCategory.Control or UnicodeCategory.Format || (i == 0 && letter is '-' or '.') ? '_' : letter));
        return string.Create(CultureInfo.InvariantCulture, $"{safe}-{pid}-{now:yyyyMMdd'T'HHmmss}.pmi");
    }
}
