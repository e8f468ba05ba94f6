using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Test-ProcessImageHost: whether this host or others, and the user there, can save and restore; with -Detailed each point.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ProcessImageHost")]
[OutputType(typeof(bool), typeof(HostFinding))]
public sealed class TestProcessImageHostCommand : HostCmdlet
{
    /// <summary>The hosts; this one unless given.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Host", "ComputerName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string[]? HostName { get; set; }

    /// <summary>Emits every finding in place of a yes or no.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    private protected override void ProcessInput()
    {
        foreach (var place in Places(HostName))
        {
            var verb = new VerbArguments("doctor").At(place);
            Run(new VerbRun(verb, $"Examining {place.HostName ?? "this host"}", place.HostName, result =>
            {
                var findings = (result.Findings ?? []).Select(finding => Answers.ToFinding(finding, result.Host)).ToList();
                if (Detailed)
                    WriteObject(findings, enumerateCollection: true);
                else
                    WriteObject(findings.All(finding => finding.Available || !finding.Needed));
            })
            { Elsewhere = place.HostName is not null });
        }
    }
}
