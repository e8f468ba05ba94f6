using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ProcMigrate.PowerShell.Completion;

/// <summary>Completes paths of image files (*.pmi) and of the folders on the way to them.</summary>
internal sealed class ImagePathCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        // Files of another host cannot be told without asking it; to press a key must not open a connection.
        if (fakeBoundParameters.Contains("HostName"))
            return [];
        return CompletionCompleters.CompleteFilename(Quoting.Bare(wordToComplete))
            .Where(file => file.ResultType == CompletionResultType.ProviderContainer
                || file.ListItemText.EndsWith(".pmi", StringComparison.OrdinalIgnoreCase));
    }
}
