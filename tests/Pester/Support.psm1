# What the tests of the cmdlets share: the module, real programs, and hosts.

$root = (Resolve-Path "$PSScriptRoot/../..").Path
$programs = "$root/artifacts/programs"
$started = [Collections.Generic.List[object]]::new()

# The module of this build, and its binary.
function Import-TestedModule {
    $module = "$root/artifacts/module/ProcMigrate"
    if (-not $env:PROCMIGRATE -and -not (Test-Path "$module/linux-x64/procmigrate")) {
        throw 'There is no binary to test: run ./build.ps1, or set PROCMIGRATE to its path.'
    }

    Import-Module $module -Force -Global
}

function Get-TestedBinary {
    $env:PROCMIGRATE ? (Resolve-Path $env:PROCMIGRATE).Path : "$root/artifacts/module/ProcMigrate/linux-x64/procmigrate"
}

function Wait-Until([scriptblock] $Condition, [string] $What = "$Condition") {
    $deadline = [datetime]::UtcNow.AddSeconds(120)
    while (-not (& $Condition)) {
        if ([datetime]::UtcNow -gt $deadline) {
            throw "waited in vain: $What"
        }

        Start-Sleep -Milliseconds 30
    }
}

# What a command says with -WhatIf; it goes to the host, and so to a transcript.
function Get-WhatIf([scriptblock] $Command) {
    $transcript = [IO.Path]::GetTempFileName()
    try {
        $null = Start-Transcript $transcript
        & $Command
        $null = Stop-Transcript
        (Get-Content $transcript) -match '^What if: ' -join "`n"
    }
    finally {
        Remove-Item $transcript
    }
}

function Test-Ready([string] $Path) {
    (Test-Path $Path) -and (Select-String -Path $Path -Pattern READY -Quiet)
}

# Starts a program as an orphan in a session of its own, as a user's job is, and gives its pid.
function Start-TestProgram([string] $Folder, [string] $Program, [string[]] $Arguments = @(), [string] $Log = "$Folder/log") {
    $path = $Program.StartsWith('/') ? $Program : "$programs/$Program"
    $id = [int](& "$programs/launch" $Log $Folder $path @Arguments)
    $started.Add([pscustomobject]@{ Id = $id; Name = [IO.Path]::GetFileName($path) })
    $id
}

# The simulation, at its tenth step at least.
function Start-Simulation([string] $Folder) {
    $result = "$Folder/result-$([guid]::NewGuid())"
    $id = Start-TestProgram $Folder sim $result, '--pause', '20', '--size', '128'
    Wait-Until { (Measure-Step $result) -ge 10 } 'step 10 of the simulation'
    [pscustomobject]@{ Id = $id; Result = $result }
}

function Measure-Step([string] $Result) {
    (Test-Path $Result) ? (Select-String -Path $Result -Pattern '^step').Count : 0
}

function Test-Running([int] $Id) {
    (Test-Path "/proc/$Id") -and (Get-Content "/proc/$Id/stat" -ErrorAction Ignore) -notmatch '\) Z '
}

# Whether a simulation goes on from where it is, and computes right to the end.
function Test-Simulation($Simulation) {
    $steps = Measure-Step $Simulation.Result
    Wait-Until { (Measure-Step $Simulation.Result) -ge $steps + 5 } 'five more steps'
    kill -TERM $Simulation.Id
    Wait-Until { -not (Test-Running $Simulation.Id) } 'the end of the simulation'
    $verdict = & "$programs/sim" --verify $Simulation.Result
    $LASTEXITCODE -eq 0 -and $verdict -like 'right:*'
}

# Ends what the tests started, by pid, and only where it still is that program.
function Stop-TestProgram {
    foreach ($program in $started) {
        if ((Get-Content "/proc/$($program.Id)/comm" -ErrorAction Ignore) -eq $program.Name) {
            kill -CONT $program.Id
            kill -KILL $program.Id
        }
    }

    $started.Clear()
}

# Test hosts; the ssh on PATH leads to them from here on.
function Start-TestHosts([string] $Folder, [string[]] $Share) {
    $shares = $Share | ForEach-Object { '--share', $_ }
    $null = & "$root/tests/hosts/hosts" up n1 n2 --dir "$Folder/hosts" @shares --owner $PID
    if ($LASTEXITCODE -ne 0) {
        throw 'The test hosts did not start.'
    }

    $env:PATH = "$Folder/hosts/bin:$env:PATH"
}

function Stop-TestHosts([string] $Folder) {
    & "$root/tests/hosts/hosts" down --dir "$Folder/hosts"
    $env:PATH = ($env:PATH -split ':' | Where-Object { $_ -ne "$Folder/hosts/bin" }) -join ':'
}

function Invoke-OnHost([string] $Folder, [string] $Name, [string[]] $Command) {
    & "$root/tests/hosts/hosts" exec $Name --dir "$Folder/hosts" -- @Command
}

# Installs the module as a user does, in a session with that user's environment. A folder is registered as a repository and, whatever
# happens, forgotten again; the repositories of who runs the tests are not touched.
function Install-PackagedModule([string[]] $User, [string] $Packages) {
    $name = "pester-$([guid]::NewGuid())"
    $script = @"
`$ErrorActionPreference = 'Stop'
Register-PSResourceRepository -Name '$name' -Uri '$([uri]$Packages)' -Trusted
try {
    `$found = Find-PSResource ProcMigrate -Repository '$name'
    Install-PSResource ProcMigrate -Repository '$name' -Scope CurrentUser
    `$module = Get-InstalledPSResource ProcMigrate
    "`$(`$module.Name) `$(`$module.Version) `$(`$found.Tags[0])"
}
finally {
    Unregister-PSResourceRepository '$name'
    "gone: `$('$name' -notin (Get-PSResourceRepository).Name)"
}
"@
    env -u PSModulePath @User pwsh -NoLogo -NoProfile -NonInteractive -Command $script 2>&1
}

function New-WorkFolder { (mktemp -d).Trim() }

Export-ModuleMember -Function *
