#!/usr/bin/env pwsh
#Requires -Version 7.5
#Requires -Modules ProcMigrate

<#
.SYNOPSIS
    Writes a checkpoint of each process of the names given, and removes all but the newest ones.
.DESCRIPTION
    The programs run on. Older checkpoints of a program are removed only when its new one is there; those of programs that have ended
    stay. Ends with 1 where something could not be saved, so that systemd and cron notice.
.EXAMPLE
    ./New-NightlyCheckpoint.ps1 -Name sim -Folder /backup/images -Keep 7
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    # Names of the programs; wildcards are allowed.
    [Parameter(Mandatory)] [string[]] $Name,
    # Where the images go; it is made if it is not there.
    [Parameter(Mandatory)] [string] $Folder,
    # How many images of each process are kept.
    [ValidateRange(1, 10000)] [int] $Keep = 7
)

Set-StrictMode -Version Latest

$null = New-Item -ItemType Directory -Force $Folder -WhatIf:$false
$images = Get-Process -Name $Name -ErrorVariable missing | Checkpoint-Process -DestinationPath $Folder -ErrorVariable failures
foreach ($image in $images) {
    '{0} ({1}): {2:N1} MB, stood still {3:N0} ms' -f $image.RootName, $image.RootId, ($image.Length / 1MB), $image.FreezeTime.TotalMilliseconds
    # By its name, which ends with the time: NAME-PID-TIME.pmi. To read the images would take longer.
    Get-ChildItem -LiteralPath $Folder -File |
        Where-Object Name -Match "^$([regex]::Escape($image.RootName))-$($image.RootId)-\d{8}T\d{6}\.pmi$" |
        Sort-Object Name -Descending | Select-Object -Skip $Keep | Remove-Item
}

exit ($failures.Count + $missing.Count -gt 0 ? 1 : 0)
