# The scripts that admins copy, run as they would run them: the module is found by its name.

BeforeDiscovery { $isRoot = (id -u) -eq 0 }

Describe 'Examples' -Skip:(-not $isRoot) {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $root = (Resolve-Path "$PSScriptRoot/../..").Path
        $work = New-WorkFolder
        $modulePath = $env:PSModulePath
        $env:PSModulePath = "$root/artifacts/module:$env:PSModulePath"
        $env:PROCMIGRATE = Get-TestedBinary

        function Invoke-Example([string] $Script, [string[]] $Arguments) {
            pwsh -NoProfile -NonInteractive -File "$root/examples/$Script" @Arguments 2>&1 3>&1
        }
    }

    AfterAll {
        $env:PSModulePath = $modulePath
        Stop-TestProgram
        Remove-Item -Recurse -Force $work
    }

    It '<_> has help' -ForEach 'nightly-checkpoint/New-NightlyCheckpoint.ps1', 'empty-host/Move-Jobs.ps1' {
        $help = Get-Help "$root/examples/$_" -Full
        $help.Synopsis.Length | Should -BeGreaterThan 40
        $help.examples.example | Should -Not -BeNullOrEmpty
        $help.parameters.parameter | Where-Object name -NotIn 'WhatIf', 'Confirm' | ForEach-Object { $_.description.Text | Should -Not -BeNullOrEmpty -Because $_.name }
    }

    It '<_> has no mistakes that the parser finds, and sets strict mode' -ForEach @(
        'examples/nightly-checkpoint/New-NightlyCheckpoint.ps1', 'examples/empty-host/Move-Jobs.ps1', 'build.ps1', 'scripts/New-ModulePackage.ps1'
    ) {
        $mistakes = $null
        $script = [Management.Automation.Language.Parser]::ParseFile("$root/$_", [ref]$null, [ref]$mistakes)
        $mistakes | Should -BeNullOrEmpty
        # An alias is for the prompt: in a script it may mean something else elsewhere.
        $script.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] }, $true) | ForEach-Object GetCommandName |
            Where-Object { $_ -and (Get-Alias $_ -ErrorAction Ignore) } | Should -BeNullOrEmpty
        $script.Extent.Text | Should -Match '(?m)^Set-StrictMode -Version Latest'
    }

    It 'the timer''s files name the script as it is called' {
        Get-Content "$root/examples/nightly-checkpoint/procmigrate-checkpoint.service" -Raw | Should -Match '-File \S+/New-NightlyCheckpoint\.ps1 -Name \S+ -Folder \S+ -Keep \d+'
        Get-Content "$root/examples/nightly-checkpoint/crontab" -Raw | Should -Match '(?m)^\d+ \d+ \* \* \* pwsh .*New-NightlyCheckpoint\.ps1'
    }

    It 'the nightly checkpoint keeps the newest, and the program runs on' {
        $id = Start-TestProgram $work /usr/bin/sleep 1000
        Copy-Item /usr/bin/sleep "$work/pm-night"
        $id = Start-TestProgram $work "$work/pm-night" 1000
        $folder = "$work/night"
        $null = New-Item -ItemType Directory $folder
        $old = 1..3 | ForEach-Object { New-Item "$folder/pm-night-$id-2020010${_}T000000.pmi" }
        $other = New-Item "$folder/pm-night-1-20200101T000000.pmi"
        $output = Invoke-Example nightly-checkpoint/New-NightlyCheckpoint.ps1 '-Name', 'pm-nigh*', '-Folder', $folder, '-Keep', '2'
        $LASTEXITCODE | Should -Be 0 -Because ($output | Out-String)
        $output | Out-String | Should -Match "pm-night \($id\): [\d.]+ MB, stood still \d+ ms"
        $names = (Get-ChildItem $folder).Name
        $names.Count | Should -Be 3
        $names | Should -Contain $other.Name
        $names | Should -Contain $old[2].Name
        Test-Running $id | Should -BeTrue
    }

    It 'the nightly checkpoint fails aloud where nothing is saved' {
        $null = Invoke-Example nightly-checkpoint/New-NightlyCheckpoint.ps1 '-Name', 'pm-none', '-Folder', "$work/none"
        $LASTEXITCODE | Should -Be 1
    }

    It 'a job that is told to end is saved, and goes on when it is started again' {
        $image = "$work/it's a job.pmi"
        $result = "$work/job-result"
        $runner = Start-TestProgram $work "$root/examples/save-on-sigterm/run-saved" $image, "$root/artifacts/programs/sim", $result, '--pause', '20', '--size', '128'
        Wait-Until { (Measure-Step $result) -ge 10 } 'step 10'
        kill -TERM $runner
        Wait-Until { -not (Test-Running $runner) } 'the end of run-saved'
        $image | Should -Exist
        $saved = Get-ProcessImage -LiteralPath $image
        $saved.RootName | Should -BeExactly 'sim'
        Test-Running $saved.RootId | Should -BeFalse

        $runner = Start-TestProgram $work "$root/examples/save-on-sigterm/run-saved" $image, "$root/artifacts/programs/sim", $result
        Wait-Until { Test-Running $saved.RootId } 'the restored job'
        Test-Simulation ([pscustomobject]@{ Id = $saved.RootId; Result = $result }) | Should -BeTrue
        Wait-Until { -not (Test-Running $runner) } 'the end of run-saved'
        $image | Should -Not -Exist
    }

    It 'a job that ends by itself hands on its exit code' {
        & "$root/examples/save-on-sigterm/run-saved" "$work/own.pmi" /bin/sh -c 'exit 9'
        $LASTEXITCODE | Should -Be 9
        "$work/own.pmi" | Should -Not -Exist
    }

    Context 'emptying a host' {
        BeforeAll {
            $path0 = $env:PATH
            Start-TestHosts $work "$work", "$root/artifacts"
            Copy-Item /usr/bin/sleep "$work/pm-move"
            $ids = 1..2 | ForEach-Object { Start-TestProgram $work "$work/pm-move" 1000 }
        }

        AfterAll {
            Stop-TestHosts $work
            $env:PATH = $path0
        }

        It '-CheckOnly tells what could be moved' {
            $output = Invoke-Example empty-host/Move-Jobs.ps1 '-Name', 'pm-move', '-HostName', 'n2', '-CheckOnly'
            $LASTEXITCODE | Should -Be 0 -Because ($output | Out-String)
            $ids | ForEach-Object { $output | Out-String | Should -Match "\b$_\b" }
            $ids | ForEach-Object { Test-Running $_ | Should -BeTrue }
        }

        It 'does nothing, and says so by its exit code, where no job fits' {
            $output = Invoke-Example empty-host/Move-Jobs.ps1 '-Name', 'pm-none*', '-HostName', 'n2'
            $LASTEXITCODE | Should -Be 0 -Because ($output | Out-String)
            $output | Should -BeNullOrEmpty
        }

        It 'with -WhatIf moves nothing' {
            $output = Invoke-Example empty-host/Move-Jobs.ps1 '-Name', 'pm-move', '-HostName', 'n2', '-WhatIf' | Out-String
            $LASTEXITCODE | Should -Be 0 -Because $output
            $ids | ForEach-Object { $output | Should -Match "What if: move pm-move \($_\) to n2: 1 process" }
            $ids | ForEach-Object { Test-Running $_ | Should -BeTrue }
        }

        It 'moves the jobs' {
            $output = Invoke-Example empty-host/Move-Jobs.ps1 '-Name', 'pm-move', '-UserName', (id -un), '-HostName', 'n2'
            $LASTEXITCODE | Should -Be 0 -Because ($output | Out-String)
            foreach ($id in $ids) {
                Test-Running $id | Should -BeFalse
                Invoke-OnHost $work n2 'cat', "/proc/$id/comm" | Should -BeExactly 'pm-move'
            }
        }
    }
}
