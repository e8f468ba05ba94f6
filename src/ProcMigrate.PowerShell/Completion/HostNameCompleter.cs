using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace ProcMigrate.PowerShell.Completion;

/// <summary>Completes host names from ~/.ssh/config and known_hosts; what stands before an @ stays.</summary>
internal sealed class HostNameCompleter : IArgumentCompleter
{
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var word = Quoting.Bare(wordToComplete);
        var at = word.LastIndexOf('@') + 1;
        var folder = Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "/", ".ssh");
        return SshHosts.In(folder)
            .Where(name => name.StartsWith(word[at..], StringComparison.OrdinalIgnoreCase))
            .Select(name => new CompletionResult(word[..at] + name, name, CompletionResultType.ParameterValue, name));
    }
}
