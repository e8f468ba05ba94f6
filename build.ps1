#!/usr/bin/env pwsh
#Requires -Version 7.5
<#
.SYNOPSIS
    Builds, tests, packs and measures ProcMigrate.
.PARAMETER Task
    Build  the binary, the module (artifacts/module/ProcMigrate, ready to import) and the test programs
    Test   everything, from a clean clone on: scripts/test
    Pack   Build, then under artifacts/packages the binary as an archive and the module as the .nupkg that Install-PSResource takes
    Bench  the table of bench/: save and restore beside a plain copy
    Clean  removes all that was built
.EXAMPLE
    ./build.ps1 Build
.EXAMPLE
    ./build.ps1 Clean, Pack
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Pack', 'Bench', 'Clean')]
    [string[]] $Task = 'Build'
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
Set-StrictMode -Version Latest

$root = $PSScriptRoot
$artifacts = Join-Path $root 'artifacts'
$module = Join-Path $artifacts 'module/ProcMigrate'
$binary = Join-Path $artifacts 'publish/ProcMigrate.Cli/release/procmigrate'
$packages = Join-Path $artifacts 'packages'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = 1
$env:DOTNET_NOLOGO = 1

function Invoke-Build {
    & "$root/scripts/build"
    # The module, and its help with it.
    dotnet build "$root/tools/ProcMigrate.HelpBuilder" -c Release -v q --nologo
    $platform = New-Item -ItemType Directory -Force (Join-Path $module 'linux-x64')
    # A copy beside and a rename: a binary that is just running cannot be written to.
    Copy-Item $binary "$platform/procmigrate.new"
    Move-Item -Force "$platform/procmigrate.new" "$platform/procmigrate"
    "module $module"
}

function Invoke-Test { & "$root/scripts/test" }

function Invoke-Pack {
    Invoke-Build
    $version = (Import-PowerShellDataFile (Join-Path $module 'ProcMigrate.psd1')).ModuleVersion
    $null = New-Item -ItemType Directory -Force $packages
    $archive = "$packages/procmigrate-$version-linux-x64.tar.gz"
    tar --create --gzip --owner=0 --group=0 --file $archive --directory (Split-Path $binary) procmigrate --directory $root LICENSE
    "package $archive"
    "package $(& "$root/scripts/New-ModulePackage.ps1" -ModulePath $module -OutputPath $packages)"
}

function Invoke-Bench { & "$root/bench/save-restore" }

function Invoke-Clean {
    if (Test-Path $artifacts) {
        Remove-Item -Recurse -Force $artifacts
    }
}

foreach ($name in $Task) {
    & "Invoke-$name"
}
