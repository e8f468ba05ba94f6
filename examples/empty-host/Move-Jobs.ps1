#!/usr/bin/env pwsh
#Requires -Version 7.5
#Requires -Modules ProcMigrate

<#
.SYNOPSIS
    Moves all jobs of a user, or of some names, to another host, as before maintenance of this one.
.DESCRIPTION
    A job is the uppermost process of its tree that fits: children go with their parents. What cannot be moved is told, with the reason,
    and runs on here. First all jobs are checked, on both sides; with -CheckOnly that is all. Ends with 1 where a job is left.
.EXAMPLE
    ./Move-Jobs.ps1 -UserName ann -HostName n2 -ThrottleLimit 4
.EXAMPLE
    ./Move-Jobs.ps1 -Name sim* -HostName n2 -CheckOnly
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    # The host to move to, as ssh knows it.
    [Parameter(Mandatory)] [string] $HostName,
    # Whose jobs; everybody's unless given.
    [string] $UserName,
    # Names of programs; wildcards are allowed.
    [string[]] $Name = '*',
    # How many are moved at once.
    [int] $ThrottleLimit = 4,
    # Only tells what could be moved.
    [switch] $CheckOnly
)

Set-StrictMode -Version Latest

$own = @($PID)
for ($process = Get-Process -Id $PID; $process.Parent; $process = $process.Parent) {
    $own += $process.Parent.Id
}

$all = @(Get-Process -Name $Name -IncludeUserName |
    Where-Object { $_.Id -notin $own -and (-not $UserName -or $_.UserName -eq $UserName) })
$ids = @($all | ForEach-Object Id)
$jobs = @($all | Where-Object { -not $_.Parent -or $_.Parent.Id -notin $ids })
$movable = @(foreach ($job in $jobs) {
    $blockers = @(Test-ProcessImage -Id $job.Id -HostName $HostName -Detailed)
    if ($blockers.Count -eq 0) {
        $job
    }
    else {
        Write-Warning "$($job.ProcessName) ($($job.Id)) cannot be moved: $(($blockers | ForEach-Object { "$_" }) -join '; ')"
    }
})

if ($CheckOnly) {
    $movable
    exit
}

$moved = @($movable | Move-Process -HostName $HostName -ThrottleLimit $ThrottleLimit -Confirm:$false -ErrorAction Continue)
$moved
Write-Verbose "$($moved.Count) of $($jobs.Count) jobs are on $HostName now"
exit ($moved.Count -lt $jobs.Count -and -not $WhatIfPreference ? 1 : 0)
