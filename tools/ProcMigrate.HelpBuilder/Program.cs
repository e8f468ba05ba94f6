using ProcMigrate.HelpBuilder;
using ProcMigrate.PowerShell.Cmdlets;

if (args is not [var docs, var target])
{
    Console.Error.WriteLine("usage: ProcMigrate.HelpBuilder DOCS TARGET: writes the module's help from the Markdown in DOCS into the folder TARGET");
    return 2;
}

try
{
    new Help(docs).Write(typeof(ProcMigrateCmdlet).Assembly, target);
    return 0;
}
catch (HelpException wrong)
{
    // In the form that MSBuild takes for an error.
    Console.Error.WriteLine($"{wrong.Path}(1,1): error PMHELP: {wrong.Message}");
    return 1;
}
