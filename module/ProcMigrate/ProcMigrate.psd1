@{
    RootModule           = 'ProcMigrate.PowerShell.dll'
    # The build puts in the number of Directory.Build.props.
    ModuleVersion        = '@Version@'
    GUID                 = '6f0f2a3e-6a53-4a86-9d0c-3c8d1f6f6a11'
    Author               = 'The ProcMigrate authors'
    CompanyName          = 'The ProcMigrate authors'
    Copyright            = 'Copyright (c) The ProcMigrate authors'
    Description          = 'Saves a running Linux process tree into one file and continues it, here or on another host.'
    PowerShellVersion    = '7.5'
    CompatiblePSEditions = @('Core')
    TypesToProcess       = @('ProcMigrate.types.ps1xml')
    FormatsToProcess     = @('ProcMigrate.format.ps1xml')
    CmdletsToExport      = @(
        'Checkpoint-Process'
        'Compare-ProcessImage'
        'Export-ProcessImage'
        'Get-ProcessImage'
        'Move-Process'
        'Receive-ProcessImage'
        'Register-ProcessImageHandler'
        'Restore-ProcessImage'
        'Save-ProcessImage'
        'Send-ProcessImage'
        'Test-ProcessImage'
        'Test-ProcessImageHost'
        'Unregister-ProcessImageHandler'
    )
    FunctionsToExport    = @()
    AliasesToExport      = @()
    VariablesToExport    = @()
    PrivateData          = @{
        PSData = @{
            Tags         = @('Linux', 'checkpoint', 'restore', 'process', 'migration', 'CRIU', 'HPC', 'PSEdition_Core')
            LicenseUri   = 'https://licenses.nuget.org/MIT'
            ReleaseNotes = 'Saves running Linux process trees into files and continues them here or on other hosts. See about_ProcMigrate.'
        }
    }
}
