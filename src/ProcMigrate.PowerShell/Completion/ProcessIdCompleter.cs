using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ProcMigrate.PowerShell.Completion;

/// <summary>Completes pids, by their first digits or by the name of the process; the list shows both.</summary>
internal sealed class ProcessIdCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var word = Quoting.Bare(wordToComplete);
        var found = new List<CompletionResult>();
        foreach (var process in Process.GetProcesses().OrderBy(process => process.Id))
        {
            using (process)
            {
                var (id, name) = (process.Id.ToString(CultureInfo.InvariantCulture), process.ProcessName);
                if (id.StartsWith(word, StringComparison.Ordinal) || name.StartsWith(word, StringComparison.OrdinalIgnoreCase))
                    found.Add(new CompletionResult(id, $"{id} - {name}", CompletionResultType.ParameterValue, $"{id} - {name}"));
            }
        }

        return found;
    }
}
