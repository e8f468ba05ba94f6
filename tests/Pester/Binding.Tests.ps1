# What lives on another host, or in an image, must not be taken for something of this host by cmdlets that go by names of properties.

BeforeDiscovery {
    $isRoot = (id -u) -eq 0
    $pipes = 'Stop-Process', 'Get-Process', 'Remove-Item', 'Get-Item', 'Copy-Item', 'Move-Item', 'Rename-Item', 'Get-Content', 'Set-Content', 'Clear-Content' |
        ForEach-Object { @{ Command = $_ } }
}

Describe 'Types' {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $assembly = (Get-Module ProcMigrate).ImplementingAssembly ?? [ProcMigrate.ProcessImage].Assembly
        # Of this host are, by themselves, a file and a process that has ended here.
        $local = 'LocalProcessImage', 'RestoredProcess', 'ImageHandler'
        $types = $assembly.GetExportedTypes() | Where-Object { $_.Namespace -eq 'ProcMigrate' -and $_.IsClass -and $_.Name -notlike '*Exception' }
        $taken = Get-Command Get-Process, Stop-Process, *-Item, *-Content, *-ItemProperty -CommandType Cmdlet -Module Microsoft.PowerShell.Management |
            ForEach-Object { $_.Parameters.Values } |
            Where-Object { $_.Attributes.Where({ $_ -is [Parameter] -and $_.ValueFromPipelineByPropertyName }) } |
            ForEach-Object { $_.Name; $_.Aliases } | Sort-Object -Unique
    }

    It 'are looked at, all of them' {
        $types.Name | Should -Contain 'RemoteProcess'
        $types.Name | Should -Contain 'RemoteProcessImage'
        $types.Name | Should -Contain 'ImageProcess'
        $types.Count | Should -BeGreaterThan 10
        'Id', 'PID', 'Name', 'ProcessName', 'Path', 'PSPath', 'LiteralPath', 'Destination' | ForEach-Object { $taken | Should -Contain $_ }
    }

    It 'have no property that a local cmdlet takes' {
        foreach ($type in $types | Where-Object Name -NotIn $local) {
            $members = @($type.GetProperties().Name) + @((Get-TypeData $type.FullName).Members.Keys)
            $members | Where-Object { $_ -in $taken -or $_ -in 'FullName', 'PSPath' } | Should -BeNullOrEmpty -Because $type.Name
        }
    }

    It 'with a HostName are not of this host' {
        foreach ($name in $local) {
            ($assembly.GetType("ProcMigrate.$name").GetProperties().Name) | Should -Not -Contain 'HostName' -Because $name
        }
    }
}

Describe 'Pipelines' -Skip:(-not $isRoot) {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $root = (Resolve-Path "$PSScriptRoot/../..").Path
        $work = New-WorkFolder
        $share = (New-Item -ItemType Directory "$work/share").FullName
        $path0 = $env:PATH
        Start-TestHosts $work $share, "$root/artifacts"
        $confirm = $global:ConfirmPreference
        $global:ConfirmPreference = 'None'
        # The image has the same path here and there, and the process the same pid and name.
        $id = Start-TestProgram $share /usr/bin/sleep 1000
        $here = Checkpoint-Process -Id $id -DestinationPath "$work/sim.pmi" -Bundle -Include /etc/hostname
        $other = Checkpoint-Process -Id (Start-TestProgram $share /usr/bin/sleep 2000) -DestinationPath "$work/other.pmi"
        Invoke-OnHost $work n1 'mkdir', '-p', $work
        $there = $here | Send-ProcessImage -HostName n1 -DestinationPath "$work/sim.pmi"
        $read = Get-ProcessImage "$work/sim.pmi" -HostName n1 -Detailed
        $running = $there | Restore-ProcessImage
        $remote = @{
            RemoteProcess = $running; RemoteProcessImage = $there; 'RemoteProcessImage -Detailed' = $read
            'processes of a RemoteProcess' = $running.Processes; 'files of a RemoteProcess' = $running.Files
            'processes of an image' = $read.Processes; threads = $read.Processes.ThreadList; mappings = $read.Processes.Mappings; descriptors = $read.Processes.Descriptors
            'memory by sort' = $read.Processes.MemoryBySort; 'bundled files' = $read.BundledFiles
            blockers = Test-ProcessImage "$work/sim.pmi" -HostName n1 -Only 2147483647 -Detailed -ErrorAction SilentlyContinue
            'a blocker' = [ProcMigrate.ImageBlocker]@{ BlockerId = "$id"; What = '/etc/hostname'; Why = 'sleep'; Remedy = '-'; HostName = 'n1' }
            findings = Test-ProcessImageHost n1 -Detailed
            differences = Compare-ProcessImage $read $other
            'a RemoteProcess that came by XML' = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($running))
            'a RemoteProcessImage that came by XML' = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($there))
        }
        # What -WhatIf would do to: "... on target ...".
        function Get-Deed($Things, [string] $Command) {
            $arguments = switch ($Command) {
                'Copy-Item' { @{ Destination = "$work/copied" } }
                'Move-Item' { @{ Destination = "$work/moved" } }
                'Rename-Item' { @{ NewName = 'renamed' } }
                'Set-Content' { @{ Value = 'changed' } }
                default { @{} }
            }
            if ($Command -notlike 'Get-*') {
                $arguments.WhatIf = $true
            }

            $output = $null
            $said = Get-WhatIf { $Things | & $Command @arguments -OutVariable output -ErrorAction SilentlyContinue | Out-Null }
            "$said$output"
        }
    }

    AfterAll {
        $global:ConfirmPreference = $confirm ?? 'High'
        $null = $running.Kill()
        Stop-TestHosts $work
        $env:PATH = $path0
        Stop-TestProgram
        Remove-Item -Recurse -Force $work
    }

    It 'of what is elsewhere: there is something to pipe' {
        foreach ($name in $remote.Keys | Where-Object { $_ -notin 'blockers', 'files of a RemoteProcess' }) {
            $remote[$name] | Should -Not -BeNullOrEmpty -Because $name
        }

        $running.RemoteId | Should -Be $id
        $there.ImagePath | Should -BeExactly $here.Path
    }

    It 'to <Command> do nothing to anything here' -ForEach $pipes {
        foreach ($name in $remote.Keys) {
            Get-Deed $remote[$name] $Command | Should -BeNullOrEmpty -Because "$name was piped to $Command"
        }
    }

    It 'of images that are here mean the file, and no process' {
        Get-Deed $here Remove-Item | Should -BeLike "*$work/sim.pmi*"
        Get-Deed $here Copy-Item | Should -BeLike "*$work/sim.pmi*"
        ($here | Get-Item).FullName | Should -BeExactly "$work/sim.pmi"
        Get-Deed $here Stop-Process | Should -BeNullOrEmpty
        Get-Deed $here Get-Process | Should -BeNullOrEmpty
    }

    It 'of processes that were restored here mean these' {
        kill -KILL $id
        Wait-Until { -not (Test-Running $id) } 'its end'
        $process = $here | Restore-ProcessImage
        Get-Deed $process Stop-Process | Should -BeLike "*sleep ($id)*"
        ($process | Get-Process).Id | Should -Be $id
        Get-Deed $process.Processes Stop-Process | Should -BeNullOrEmpty
    }

    It 'go on on the host that they lead to' {
        ($running | Get-ProcessImage).HostName | Should -BeExactly 'n1'
        $byXml = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($there))
        ($byXml | Get-ProcessImage).HostName | Should -BeExactly 'n1'
        Get-WhatIf { $byXml | Restore-ProcessImage -PidNamespace -WhatIf } | Should -BeLike "What if: restore n1:$work/sim.pmi*"
    }

    It 'are shown as people expect' {
        $PSStyle.OutputRendering = 'PlainText'
        (($there | Out-String -Width 160).Trim() -split "`n")[0] | Should -Match '^Id ProcessName +Threads Memory\(M\) Length\(M\) HostName +Path'
        (($running | Out-String -Width 160).Trim() -split "`n")[2] | Should -Match "^ *$id sleep +1 n1 "
        "$there" | Should -BeExactly "$work/sim.pmi on n1"
    }
}
