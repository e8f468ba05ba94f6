# Everything that the binary can, the cmdlets can: each option of each verb, as the binary's own help tells it, is given by a parameter.
# The command lines are taken down on their way to the real binary, which must understand them; nothing that is named here is there.

BeforeDiscovery {
    $known = @(
        @{ Verb = 'save'; Option = 'output'; Cmdlet = 'Checkpoint-Process'; Parameter = 'DestinationPath'; Value = '/none/x.pmi' }
        @{ Verb = 'save'; Option = 'leave-running'; Cmdlet = 'Save-ProcessImage'; Parameter = 'LeaveRunning'; Value = $true }
        @{ Verb = 'save'; Option = 'leave-stopped'; Cmdlet = 'Save-ProcessImage'; Parameter = 'LeaveStopped'; Value = $true }
        @{ Verb = 'save'; Option = 'no-children'; Cmdlet = 'Save-ProcessImage'; Parameter = 'NoChildren'; Value = $true }
        @{ Verb = 'save'; Option = 'method'; Cmdlet = 'Save-ProcessImage'; Parameter = 'Method'; Value = 'Stop' }
        @{ Verb = 'save'; Option = 'tcp'; Cmdlet = 'Save-ProcessImage'; Parameter = 'TcpPolicy'; Value = 'Close' }
        @{ Verb = 'save'; Option = 'terminal'; Cmdlet = 'Save-ProcessImage'; Parameter = 'Terminal'; Value = 'null' }
        @{ Verb = 'save'; Option = 'bundle'; Cmdlet = 'Save-ProcessImage'; Parameter = 'Bundle'; Value = $true }
        @{ Verb = 'save'; Option = 'include'; Cmdlet = 'Save-ProcessImage'; Parameter = 'Include'; Value = '/a', '/b' }
        @{ Verb = 'save'; Option = 'exclude'; Cmdlet = 'Save-ProcessImage'; Parameter = 'Exclude'; Value = '/a' }
        @{ Verb = 'save'; Option = 'compress'; Cmdlet = 'Save-ProcessImage'; Parameter = 'Compress'; Value = 'Lz4' }
        @{ Verb = 'save'; Option = 'force'; Cmdlet = 'Save-ProcessImage'; Parameter = 'Force'; Value = $true }

        @{ Verb = 'restore'; Option = 'stdio'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'Stdio'; Value = '/dev/full' }
        @{ Verb = 'restore'; Option = 'terminal'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'Terminal'; Value = 'null' }
        @{ Verb = 'restore'; Option = 'wait'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'Wait'; Value = $true }
        @{ Verb = 'restore'; Option = 'leave-stopped'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'LeaveStopped'; Value = $true }
        @{ Verb = 'restore'; Option = 'force'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'Force'; Value = $true }
        @{ Verb = 'restore'; Option = 'trust'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'Trust'; Value = $true }
        @{ Verb = 'restore'; Option = 'only'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'Only'; Value = 4, 5 }
        @{ Verb = 'restore'; Option = 'pid-namespace'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'PidNamespace'; Value = $true }
        @{ Verb = 'restore'; Option = 'files'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'FilesPath'; Value = '/none' }
        @{ Verb = 'restore'; Option = 'reuse-host-files'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'ReuseHostFiles'; Value = $true }
        @{ Verb = 'restore'; Option = 'same-names'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'SameNames'; Value = $true }
        @{ Verb = 'restore'; Option = 'map'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'PathMap'; Value = @{ '/a' = '/b'; '/c' = '/d' } }
        @{ Verb = 'restore'; Option = 'file-changed'; Cmdlet = 'Restore-ProcessImage'; Parameter = 'FileChanged'; Value = 'Accept' }

        @{ Verb = 'inspect'; Option = 'detailed'; Cmdlet = 'Get-ProcessImage'; Parameter = 'Detailed'; Value = $true }

        @{ Verb = 'check'; Option = 'no-children'; Cmdlet = 'Test-ProcessImage'; Parameter = 'NoChildren'; Value = $true }
        @{ Verb = 'check'; Option = 'bundle'; Cmdlet = 'Test-ProcessImage'; Parameter = 'Bundle'; Value = $true }
        @{ Verb = 'check'; Option = 'include'; Cmdlet = 'Test-ProcessImage'; Parameter = 'Include'; Value = '/a' }
        @{ Verb = 'check'; Option = 'exclude'; Cmdlet = 'Test-ProcessImage'; Parameter = 'Exclude'; Value = '/a' }

        @{ Verb = 'check'; Option = 'tcp'; Cmdlet = 'Test-ProcessImage'; Parameter = 'TcpPolicy'; Value = 'Migrate' }
        @{ Verb = 'check'; Option = 'trust'; Cmdlet = 'Test-ProcessImage'; Parameter = 'Trust'; Value = $true }
        @{ Verb = 'check'; Option = 'only'; Cmdlet = 'Test-ProcessImage'; Parameter = 'Only'; Value = 4, 5 }
        @{ Verb = 'check'; Option = 'pid-namespace'; Cmdlet = 'Test-ProcessImage'; Parameter = 'PidNamespace'; Value = $true }
        @{ Verb = 'check'; Option = 'files'; Cmdlet = 'Test-ProcessImage'; Parameter = 'FilesPath'; Value = '/none' }
        @{ Verb = 'check'; Option = 'reuse-host-files'; Cmdlet = 'Test-ProcessImage'; Parameter = 'ReuseHostFiles'; Value = $true }
        @{ Verb = 'check'; Option = 'same-names'; Cmdlet = 'Test-ProcessImage'; Parameter = 'SameNames'; Value = $true }
        @{ Verb = 'check'; Option = 'map'; Cmdlet = 'Test-ProcessImage'; Parameter = 'PathMap'; Value = @{ '/a' = '/b'; '/c' = '/d' } }
        @{ Verb = 'check'; Option = 'file-changed'; Cmdlet = 'Test-ProcessImage'; Parameter = 'FileChanged'; Value = 'Accept' }
        @{ Verb = 'check'; Option = 'force'; Cmdlet = 'Test-ProcessImage'; Parameter = 'Force'; Value = $true }

        @{ Verb = 'send'; Option = 'to'; Cmdlet = 'Send-ProcessImage'; Parameter = 'DestinationPath'; Value = '/none/' }
        @{ Verb = 'send'; Option = 'compress'; Cmdlet = 'Send-ProcessImage'; Parameter = 'Compress'; Value = 'None' }

        @{ Verb = 'migrate'; Option = 'no-children'; Cmdlet = 'Move-Process'; Parameter = 'NoChildren'; Value = $true }
        @{ Verb = 'migrate'; Option = 'method'; Cmdlet = 'Move-Process'; Parameter = 'Method'; Value = 'Stop' }
        @{ Verb = 'migrate'; Option = 'tcp'; Cmdlet = 'Move-Process'; Parameter = 'TcpPolicy'; Value = 'Migrate' }
        @{ Verb = 'migrate'; Option = 'bundle'; Cmdlet = 'Move-Process'; Parameter = 'Bundle'; Value = $true }
        @{ Verb = 'migrate'; Option = 'include'; Cmdlet = 'Move-Process'; Parameter = 'Include'; Value = '/a' }
        @{ Verb = 'migrate'; Option = 'exclude'; Cmdlet = 'Move-Process'; Parameter = 'Exclude'; Value = '/a' }
        @{ Verb = 'migrate'; Option = 'stdio'; Cmdlet = 'Move-Process'; Parameter = 'Stdio'; Value = '/dev/full' }
        @{ Verb = 'migrate'; Option = 'terminal'; Cmdlet = 'Move-Process'; Parameter = 'Terminal'; Value = 'null' }
        @{ Verb = 'migrate'; Option = 'leave-stopped'; Cmdlet = 'Move-Process'; Parameter = 'LeaveStopped'; Value = $true }
        @{ Verb = 'migrate'; Option = 'force'; Cmdlet = 'Move-Process'; Parameter = 'Force'; Value = $true }
        @{ Verb = 'migrate'; Option = 'pid-namespace'; Cmdlet = 'Move-Process'; Parameter = 'PidNamespace'; Value = $true }
        @{ Verb = 'migrate'; Option = 'files'; Cmdlet = 'Move-Process'; Parameter = 'FilesPath'; Value = '/none' }
        @{ Verb = 'migrate'; Option = 'reuse-host-files'; Cmdlet = 'Move-Process'; Parameter = 'ReuseHostFiles'; Value = $true }
        @{ Verb = 'migrate'; Option = 'same-names'; Cmdlet = 'Move-Process'; Parameter = 'SameNames'; Value = $true }
        @{ Verb = 'migrate'; Option = 'map'; Cmdlet = 'Move-Process'; Parameter = 'PathMap'; Value = @{ '/a' = '/b' } }
        @{ Verb = 'migrate'; Option = 'file-changed'; Cmdlet = 'Move-Process'; Parameter = 'FileChanged'; Value = 'Truncate' }
        @{ Verb = 'migrate'; Option = 'compress'; Cmdlet = 'Move-Process'; Parameter = 'Compress'; Value = 'Lz4' }
        @{ Verb = 'migrate'; Option = 'keep-image'; Cmdlet = 'Move-Process'; Parameter = 'KeepImage'; Value = $true }
        @{ Verb = 'migrate'; Option = 'settle'; Cmdlet = 'Move-Process'; Parameter = 'MigrationId'; Value = '8b1f8a54-0000-4000-8000-000000000000' }

        @{ Verb = 'export'; Option = 'core'; Cmdlet = 'Export-ProcessImage'; Parameter = 'Core'; Value = '/none/x.core' }
        @{ Verb = 'export'; Option = 'pid'; Cmdlet = 'Export-ProcessImage'; Parameter = 'Id'; Value = 7 }
        @{ Verb = 'export'; Option = 'files'; Cmdlet = 'Export-ProcessImage'; Parameter = 'Files'; Value = '/none' }

        foreach ($pair in @{ restore = 'Restore-ProcessImage'; inspect = 'Get-ProcessImage'; check = 'Test-ProcessImage'; doctor = 'Test-ProcessImageHost' }.GetEnumerator()) {
            @{ Verb = $pair.Key; Option = 'host'; Cmdlet = $pair.Value; Parameter = 'HostName'; Value = 'nowhere.invalid' }
            @{ Verb = $pair.Key; Option = 'user'; Cmdlet = $pair.Value; Parameter = 'UserName'; Value = 'ann' }
            @{ Verb = $pair.Key; Option = 'port'; Cmdlet = $pair.Value; Parameter = 'Port'; Value = 2222 }
            @{ Verb = $pair.Key; Option = 'identity'; Cmdlet = $pair.Value; Parameter = 'KeyFilePath'; Value = '/none' }
            @{ Verb = $pair.Key; Option = 'ssh-option'; Cmdlet = $pair.Value; Parameter = 'Options'; Value = @{ Compression = $true } }
        }

        foreach ($pair in @{ send = 'Send-ProcessImage'; migrate = 'Move-Process' }.GetEnumerator()) {
            @{ Verb = $pair.Key; Option = 'user'; Cmdlet = $pair.Value; Parameter = 'UserName'; Value = 'ann' }
            @{ Verb = $pair.Key; Option = 'port'; Cmdlet = $pair.Value; Parameter = 'Port'; Value = 2222 }
            @{ Verb = $pair.Key; Option = 'identity'; Cmdlet = $pair.Value; Parameter = 'KeyFilePath'; Value = '/none' }
            @{ Verb = $pair.Key; Option = 'ssh-option'; Cmdlet = $pair.Value; Parameter = 'Options'; Value = @{ Compression = $true } }
        }
    )
}

Describe 'Everything that the binary can, the cmdlets can' {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $binary = Get-TestedBinary
        $before = $env:PROCMIGRATE
        $image = (New-Item "$TestDrive/none.pmi" -Value 'no image').FullName
        $env:PROCMIGRATE = (New-Item "$TestDrive/takes-down" -Value "#!/bin/sh`nprintf '%s\n' `"`$@`" > '$TestDrive/line'`nexec '$binary' `"`$@`"`n").FullName
        chmod +x $env:PROCMIGRATE

        # Each option of a verb, and what it takes, as its help tells.
        function Get-Option([string] $Verb) {
            & $binary $Verb --help | Select-String '^ {2}(?:-\w, )*--([\w-]+)(?: <(.+?)>)?(?:  |$)' | ForEach-Object {
                $name = $_.Matches[0].Groups[1].Value
                # The cmdlets read JSON themselves.
                if ($name -notin 'help', 'json') {
                    [pscustomobject]@{ Name = $name; Takes = $_.Matches[0].Groups[2].Value }
                }
            }
        }

        # What has to be given besides the parameter that is tried. A session cannot save itself, so that it may be named.
        function Get-Call([string] $Cmdlet, [string] $Parameter) {
            $call = switch ($Cmdlet) {
                { $_ -in 'Save-ProcessImage', 'Checkpoint-Process' } { @{ Id = $PID }; break }
                'Move-Process' { $Parameter -eq 'MigrationId' ? @{ Settle = $true } : @{ Id = $PID; HostName = 'nowhere.invalid' }; break }
                'Test-ProcessImageHost' { @{ HostName = 'nowhere.invalid' }; break }
                'Send-ProcessImage' { @{ Path = $image; HostName = 'nowhere.invalid' }; break }
                'Export-ProcessImage' { $Parameter -eq 'Id' ? @{ Path = $image; Core = '/none/x.core' } : @{ Path = $image }; break }
                'Test-ProcessImage' { $Parameter -in 'NoChildren', 'Bundle', 'Include', 'Exclude', 'TcpPolicy' ? @{ Id = $PID } : @{ Path = $image; HostName = 'nowhere.invalid' }; break }
                default { $Parameter -in 'UserName', 'Port', 'KeyFilePath', 'Options' ? @{ Path = $image; HostName = 'nowhere.invalid' } : @{ Path = $image } }
            }
            if ((Get-Command $Cmdlet).Parameters.ContainsKey('Confirm')) {
                $call.Confirm = $false
            }

            $call
        }
    }

    AfterAll { $env:PROCMIGRATE = $before }

    It 'knows every option of every verb' -ForEach @{ Known = $known } {
        $verbs = ((& $binary --help) -join "`n" -split "`nCommands:")[1] | Select-String '(?m)^ {2}([a-z]+) ' -AllMatches | ForEach-Object { $_.Matches.ForEach({ $_.Groups[1].Value }) }
        $verbs.Count | Should -BeGreaterOrEqual 9
        # Receive-ProcessImage speaks with the far side of that verb itself.
        $told = foreach ($verb in $verbs | Where-Object { $_ -ne 'receive' }) { Get-Option $verb | ForEach-Object { "$verb --$($_.Name)" } }
        $told.Count | Should -BeGreaterThan 60
        # Every restore does by itself what doctor --clean does.
        @($Known | ForEach-Object { "$($_.Verb) --$($_.Option)" }) + 'doctor --clean'  | Sort-Object | Should -Be ($told | Sort-Object)
    }

    It '<Verb> --<Option> by <Cmdlet> -<Parameter>' -ForEach $known {
        Remove-Item "$TestDrive/line" -ErrorAction Ignore
        $call = Get-Call $Cmdlet $Parameter
        $call[$Parameter] = $Value
        & $Cmdlet @call -ErrorAction SilentlyContinue -ErrorVariable failed -WarningAction SilentlyContinue | Out-Null
        $line = Get-Content "$TestDrive/line"
        $line[0] | Should -BeExactly $Verb
        $given = @($line -match "^--$Option(=|$)")
        $expected = $Value -is [hashtable] ? $Value.Count : @($Value).Count
        $given.Count | Should -Be $expected -Because ($line -join ' ')
        # What the binary says against it is of the process, file or host, and not of the words.
        $failed.FullyQualifiedErrorId | Should -Not -Match '^(Usage|NoAnswer)'
    }

    It '<Cmdlet> -<Parameter> has the words of <Verb> --<Option>' -ForEach ($known | Where-Object { $_.Option -in 'method', 'tcp', 'compress', 'file-changed' }) {
        $words = (Get-Option $Verb | Where-Object Name -EQ $Option).Takes -split '\|'
        $parameter = (Get-Command $Cmdlet).Parameters[$Parameter]
        $held = $parameter.Attributes | Where-Object { $_ -is [Management.Automation.ValidateSetAttribute] }
        $own = $held ? $held.ValidValues : [enum]::GetNames($parameter.ParameterType)
        $own | ForEach-Object ToLowerInvariant | Sort-Object | Should -Be ($words | Sort-Object)
    }
}
