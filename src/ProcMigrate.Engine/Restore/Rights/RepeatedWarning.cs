using System.Globalization;

namespace ProcMigrate.Engine.Restore.Rights;

/// <summary>A warning that may concern thousands of files: said once, with the first of them and how many there are.</summary>
/// <param name="format">With {0} for the number and {1} for the first.</param>
internal sealed class RepeatedWarning(List<string> warnings, string format)
{
    private int _count;
    private string _first = "";
    private string _said = "";

    public void Add(string name)
    {
        if (_count++ == 0)
            _first = name;
        string text = string.Format(CultureInfo.InvariantCulture, format, _count, _first);
        int at = _said.Length == 0 ? -1 : warnings.IndexOf(_said);
        if (at < 0)
            warnings.Add(text);
        else
            warnings[at] = text;
        _said = text;
    }
}
