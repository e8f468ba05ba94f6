# Other hosts: n1 and n2, over their own sshd.

BeforeDiscovery { $isRoot = (id -u) -eq 0 }

Describe 'Other hosts' -Skip:(-not $isRoot) {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $root = (Resolve-Path "$PSScriptRoot/../..").Path
        $class = 'ProcMigrate.PowerShell.Cmdlets'
        $work = New-WorkFolder
        $share = (New-Item -ItemType Directory "$work/share").FullName
        $path0 = $env:PATH
        Start-TestHosts $work $share, "$root/artifacts"
        $confirm = $global:ConfirmPreference
        $global:ConfirmPreference = 'None'
        $sim = Start-Simulation $share
        $saved = Save-ProcessImage -Id $sim.Id -DestinationPath "$work/sim.pmi"
    }

    AfterAll {
        $global:ConfirmPreference = $confirm ?? 'High'
        Stop-TestHosts $work
        $env:PATH = $path0
        Stop-TestProgram
        Remove-Item -Recurse -Force $work
    }

    Context 'Send-ProcessImage' {
        It '-WhatIf tells the size and sends nothing' {
            Get-WhatIf { Send-ProcessImage "$work/sim.pmi" -HostName n1, n2 -WhatIf } | Should -Match 'send to n1" on target ".*sim\.pmi \([\d.]+ [KM]iB\)'
            Get-ProcessImage -HostName n1 | Should -BeNullOrEmpty
        }

        It 'emits the image as it is there' {
            $sent = $saved | Send-ProcessImage -HostName n1
            $sent.HostName | Should -BeExactly 'n1'
            $sent.ImagePath | Should -BeExactly '/root/.local/state/procmigrate/images/sim.pmi'
            $sent.ImageId | Should -Be $saved.ImageId
            $sent.RootId | Should -Be $sim.Id
            "$sent" | Should -BeExactly "$($sent.ImagePath) on n1"
        }

        It 'takes what is there already for done, with a warning' {
            $sent = Send-ProcessImage "$work/sim.pmi" n1 -WarningVariable warning -WarningAction SilentlyContinue
            $sent.ImageId | Should -Be $saved.ImageId
            $warning.Message | Should -Match 'there already'
        }

        It 'sends to several hosts, one of which is down' {
            $sent = Send-ProcessImage "$work/sim.pmi" -HostName n1, nowhere.invalid, root@n2 -DestinationPath /root/ -ErrorAction SilentlyContinue -ErrorVariable failed
            $sent.HostName | Sort-Object | Should -Be 'n1', 'n2'
            $failed.FullyQualifiedErrorId | Should -BeExactly "UnknownHost,$class.SendProcessImageCommand"
            $failed.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        }

        It 'never overwrites' {
            Invoke-OnHost $work n1 'touch', '/root/taken.pmi'
            { Send-ProcessImage "$work/sim.pmi" n1 -DestinationPath /root/taken.pmi -ErrorAction Stop } | Should -Throw -ErrorId "NameTaken,$class.SendProcessImageCommand"
        }

        It 'to a folder that is not there' {
            { Send-ProcessImage "$work/sim.pmi" n1 -DestinationPath /none/ -ErrorAction Stop } | Should -Throw -ErrorId "TargetUnusable,$class.SendProcessImageCommand"
        }

        It 'as a user whom the host does not let in' {
            $failure = { Send-ProcessImage "$work/sim.pmi" nobody@n1 -ErrorAction Stop } | Should -Throw -PassThru
            $failure.FullyQualifiedErrorId | Should -BeExactly "KeyRefused,$class.SendProcessImageCommand"
            $failure.CategoryInfo.Category | Should -Be 'AuthenticationError'
        }

        It 'to a port where nobody listens' {
            $failure = { Send-ProcessImage "$work/sim.pmi" n1 -Port 1 -ErrorAction Stop } | Should -Throw -PassThru
            $failure.CategoryInfo.Category | Should -Be 'ConnectionError'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'BatchMode'
        }

        It 'hands ssh its options' {
            { Send-ProcessImage "$work/sim.pmi" n1 -Options @{ ProxyCommand = '/bin/false' } -ConnectingTimeout 2000 -ErrorAction Stop } | Should -Throw
            (Send-ProcessImage "$work/sim.pmi" n1 -Options @{ Compression = $true; ServerAliveInterval = 5 } -ConnectingTimeout 20000 -WarningAction SilentlyContinue).HostName | Should -BeExactly 'n1'
        }

        It 'sends the same file whatever -Compress says' {
            foreach ($how in [enum]::GetNames([ProcMigrate.ImageCompression])) {
                $sent = Send-ProcessImage "$work/sim.pmi" n2 -DestinationPath "/root/$how.pmi" -Compress $how
                $hash = (Invoke-OnHost $work n2 'sha256sum', $sent.ImagePath) -split ' '
                $hash[0] | Should -Be (Get-FileHash "$work/sim.pmi").Hash
                Invoke-OnHost $work n2 'rm', $sent.ImagePath
            }
        }

        It 'refuses an image that lies on another host' {
            $failure = { Get-ProcessImage /root/sim.pmi -HostName n1 | Send-ProcessImage -HostName n2 -ErrorAction Stop } | Should -Throw -PassThru
            $failure.FullyQualifiedErrorId | Should -BeExactly "ImageOnAnotherHost,$class.SendProcessImageCommand"
        }
    }

    Context 'Get-ProcessImage' {
        It 'lists what was sent' {
            (Get-ProcessImage -HostName n1).ImageName | Should -Be 'sim.pmi'
        }

        It 'reads several hosts, and says which is which' {
            $images = Get-ProcessImage /root/sim.pmi -HostName n1, n2
            $images.HostName | Sort-Object | Should -Be 'n1', 'n2'
            $images.ImageId | Select-Object -Unique | Should -Be $saved.ImageId
        }

        It 'knows the wildcards of the host' {
            Get-ProcessImage '/root/s[a-k]m.pm?' -HostName n1 | ForEach-Object ImagePath | Should -BeExactly '/root/sim.pmi'
            Get-ProcessImage '/root/none*.pmi' -HostName n1 | Should -BeNullOrEmpty
        }

        It 'takes names as they are with -LiteralPath, whatever their characters' {
            $name = "/root/it's [a] `$(touch gotcha) *.pmi"
            Invoke-OnHost $work n1 'cp', '/root/sim.pmi', $name
            (Get-ProcessImage -LiteralPath $name -HostName n1).ImagePath | Should -BeExactly $name
            (Get-ProcessImage '/root/it*' -HostName n1).ImagePath | Should -BeExactly $name
            Invoke-OnHost $work n1 'rm', $name
            Invoke-OnHost $work n1 'ls', '/root' | Should -Not -Contain 'gotcha'
        }

        It 'tells everything with -Detailed' {
            $image = Get-ProcessImage /root/sim.pmi -HostName n2 -Detailed
            $image.Processes[0].Mappings.Count | Should -BeGreaterThan 10
            $image.Processes[0].ThreadList.Count | Should -Be 4
            $image.Processes[0].ThreadList[0].ThreadId | Should -BeExactly $sim.Id
            $image.Processes[0].Descriptors[0].Descriptor | Should -BeExactly 0
        }

        It 'of a file that is not there' {
            $failure = { Get-ProcessImage /root/none.pmi -HostName n1 -ErrorAction Stop } | Should -Throw -PassThru
            $failure.FullyQualifiedErrorId | Should -BeExactly "ImageNotFound,$class.GetProcessImageCommand"
            $failure.Exception.Message | Should -Match '^n1: '
        }

        It 'of wildcards on a host that is down' {
            { Get-ProcessImage '/root/*.pmi' -HostName nowhere.invalid -ErrorAction Stop } | Should -Throw -ErrorId "UnknownHost,$class.GetProcessImageCommand"
        }
    }

    Context 'Test-ProcessImageHost' {
        It 'says of each host whether it is fit' {
            Test-ProcessImageHost n1, n2 | Should -Be $true, $true
            Test-ProcessImageHost | Should -BeTrue
        }

        It 'tells each point, and whose it is' {
            $findings = 'n1', 'n2' | Test-ProcessImageHost -Detailed -ThrottleLimit 2
            $findings.HostName | Sort-Object -Unique | Should -Be 'n1', 'n2'
            ($findings | Where-Object Topic -EQ 'kernel').Available | Should -Be $true, $true
        }
    }

    Context 'Receive-ProcessImage' {
        It 'gets an image, whole' {
            $folder = New-Item -ItemType Directory "$work/received"
            $image = Receive-ProcessImage -HostName n2 -Path /root/sim.pmi -DestinationPath $folder
            $image.HostName | Should -BeNullOrEmpty
            $image.Path | Should -Be "$folder/sim.pmi"
            (Get-FileHash $image.Path).Hash | Should -Be (Get-FileHash "$work/sim.pmi").Hash
        }

        It 'gets all of a host by the pipeline' {
            $folder = New-Item -ItemType Directory "$work/all"
            (Get-ProcessImage -HostName n1 | Receive-ProcessImage -DestinationPath $folder).Path | Should -Be "$folder/sim.pmi"
        }

        It 'never overwrites' {
            { Receive-ProcessImage -HostName n2 -Path /root/sim.pmi -DestinationPath "$work/sim.pmi" -ErrorAction Stop } |
                Should -Throw -ErrorId "ImageExists,$class.ReceiveProcessImageCommand"
        }

        It 'keeps nothing of a damaged one' {
            Invoke-OnHost $work n1 'sh', '-c', 'cp /root/sim.pmi /root/bad.pmi; printf x | dd of=/root/bad.pmi bs=1 seek=100000 conv=notrunc status=none'
            { Receive-ProcessImage -HostName n1 -Path /root/bad.pmi -DestinationPath $work -ErrorAction Stop } | Should -Throw -ErrorId "ImageDamaged,$class.ReceiveProcessImageCommand"
            "$work/bad.pmi" | Should -Not -Exist
        }

        It 'of a file that is not there' {
            { Receive-ProcessImage -HostName n1 -Path /root/none.pmi -ErrorAction Stop } | Should -Throw -ErrorId "ImageNotFound,$class.ReceiveProcessImageCommand"
        }

        It 'refuses one that is here' {
            { $saved | Receive-ProcessImage -ErrorAction Stop } | Should -Throw -ErrorId "ImageIsHere,$class.ReceiveProcessImageCommand"
        }
    }

    Context 'Export-ProcessImage' {
        It 'writes the report of an image that lies there' {
            Get-ProcessImage /root/sim.pmi -HostName n2 | Export-ProcessImage -Report "$work/far.html"
            Get-Content "$work/far.html" -Raw | Should -Match 'Restoring it on n2'
        }

        It 'needs it here for a core file' {
            { Export-ProcessImage /root/sim.pmi -HostName n2 -Core "$work/far.core" -ErrorAction Stop } | Should -Throw -ErrorId "ImageOnAnotherHost,$class.ExportProcessImageCommand"
        }
    }

    Context 'Restore-ProcessImage' {
        It 'can be asked about beforehand' {
            Test-ProcessImage /root/sim.pmi -HostName n1, n2 | Should -Be $true, $true
            Get-WhatIf { Restore-ProcessImage /root/sim.pmi -HostName n2 -WhatIf } | Should -BeExactly 'What if: restore n2:/root/sim.pmi: nothing stands in the way'
        }

        It 'emits a RemoteProcess, and its methods work' {
            $there = Restore-ProcessImage /root/sim.pmi -HostName n2
            $there | Should -BeOfType ProcMigrate.RemoteProcess
            $there.HostName | Should -BeExactly 'n2'
            $there.RemoteId | Should -Be $sim.Id
            $there.RemoteName | Should -BeExactly 'sim'
            $there.Threads | Should -Be 4
            ([DateTimeOffset]::Now - $there.StartTime).TotalMinutes | Should -BeLessThan 5
            Invoke-OnHost $work n2 'cat', "/proc/$($sim.Id)/comm" | Should -BeExactly 'sim'
            $there.HasExited | Should -BeFalse
            $there.WaitForExit(1) | Should -BeFalse
            $PSStyle.OutputRendering = 'PlainText'
            ($there | Out-String -Width 160).Trim() -split "`n" | Select-Object -First 1 | Should -Match '^Id ProcessName +Threads HostName +StartTime +ExitCode Path'

            $steps = Measure-Step $sim.Result
            Wait-Until { (Measure-Step $sim.Result) -ge $steps + 5 } 'five more steps'
            $there.Stop() | Should -BeTrue
            $there.WaitForExit(60000) | Should -BeTrue
            $there.HasExited | Should -BeTrue
            $there.Stop() | Should -BeFalse
            & "$root/artifacts/programs/sim" --verify $sim.Result | Should -BeLike 'right:*'
        }

        It 'waits there with -Wait, and tells the exit code' {
            $id = Start-TestProgram $share /usr/bin/bash '-c', 'while [ ! -e go ]; do sleep 0.1; done; exit 5'
            $image = Save-ProcessImage -Id $id -DestinationPath "$work/wait.pmi" | Send-ProcessImage -HostName n1
            $null = New-Item "$share/go"
            $ended = $image | Restore-ProcessImage -Wait
            $ended.ExitCode | Should -Be 5
            $ended.HasExited | Should -BeTrue
            $ended.HostName | Should -BeExactly 'n1'
        }

        It 'brings its files along in a bundle' {
            $own = (New-Item -ItemType Directory "$work/own").FullName
            $bundled = Start-Simulation $own
            $there = Save-ProcessImage -Id $bundled.Id -DestinationPath "$work/bundle.pmi" -Bundle | Send-ProcessImage -HostName n2 | Restore-ProcessImage
            $there.FilesPath | Should -BeLike '/root/.local/state/procmigrate/*'
            $new = ($there.Files | Where-Object OldPath -EQ $bundled.Result).NewPath
            Wait-Until { (Invoke-OnHost $work n2 'grep', '-c', '^step', $new) -ge 20 } 'more steps there'
            $there.Kill() | Should -BeTrue
            $there.WaitForExit(60000) | Should -BeTrue
        }

        It 'of a path where there is no image is an error, and of several hosts the others go on' {
            $failure = { Restore-ProcessImage /root/taken.pmi -HostName n1 -ErrorAction Stop } | Should -Throw -PassThru
            $failure.FullyQualifiedErrorId | Should -BeExactly "NotAnImage,$class.RestoreProcessImageCommand"
        }
    }

    Context 'Move-Process' {
        BeforeAll { $moved = Start-Simulation $share }

        It 'can be asked about beforehand, both sides' {
            Get-Process -Id $moved.Id | Test-ProcessImage -HostName n1, n2 | Should -Be $true, $true
            Get-WhatIf { Move-Process -Id $moved.Id n2 -WhatIf } | Should -Match "What if: move sim \($($moved.Id)\) to n2: 1 process, 4 threads, .*; nothing stands in the way"
            Test-Running $moved.Id | Should -BeTrue
        }

        It 'to a host that is not there leaves it running' {
            $failure = { Move-Process -Id $moved.Id nowhere.invalid -ErrorAction Stop } | Should -Throw -PassThru
            $failure.FullyQualifiedErrorId | Should -BeExactly "UnknownHost,$class.MoveProcessCommand"
            Test-Running $moved.Id | Should -BeTrue
        }

        It 'moves it, and it goes on rightly there' {
            $there = Get-Process -Id $moved.Id | Move-Process -HostName n2
            $there | Should -BeOfType ProcMigrate.RemoteProcess
            $there.HostName | Should -BeExactly 'n2'
            $there.RemoteId | Should -Be $moved.Id
            Test-Running $moved.Id | Should -BeFalse
            $steps = Measure-Step $moved.Result
            Wait-Until { (Measure-Step $moved.Result) -ge $steps + 5 } 'five more steps'
            $there.Stop() | Should -BeTrue
            $there.WaitForExit(60000) | Should -BeTrue
            & "$root/artifacts/programs/sim" --verify $moved.Result | Should -BeLike 'right:*'
        }

        It 'moves several at once with -ThrottleLimit' {
            $ids = 1..3 | ForEach-Object { Start-TestProgram $share /usr/bin/sleep 1000 }
            $there = Get-Process -Id $ids | Move-Process -HostName n1 -ThrottleLimit 3
            $there.RemoteId | Sort-Object | Should -Be ($ids | Sort-Object)
            $there | ForEach-Object { $_.Kill() | Should -BeTrue }
        }

        It 'leaves it stopped there with -LeaveStopped, and the image with -KeepImage' {
            $id = Start-TestProgram $share /usr/bin/sleep 1000
            $before = @(Get-ProcessImage -HostName n2).Count
            $there = Move-Process -Id $id -HostName n2 -LeaveStopped -KeepImage -Compress Lz4
            Invoke-OnHost $work n2 'cat', "/proc/$id/stat" | Should -Match '\) T '
            @(Get-ProcessImage -HostName n2).Count | Should -Be ($before + 1)
            $there.Kill() | Should -BeTrue
        }

        It 'settles what was broken off: nothing' {
            Move-Process -Settle -ErrorAction Stop | Should -BeNullOrEmpty
        }
    }

    Context 'when a cable is cut' {
        It 'a host that was there is an error, and soon with -ConnectingTimeout' {
            & "$root/tests/hosts/hosts" link n2 down --dir "$work/hosts"
            try {
                $failure = { Get-ProcessImage /root/sim.pmi -HostName n2 -ConnectingTimeout 1000 -ErrorAction Stop } | Should -Throw -PassThru
                $failure.CategoryInfo.Category | Should -BeIn 'OperationTimeout', 'ConnectionError'
                $images = Get-ProcessImage /root/sim.pmi -HostName n1, n2 -ConnectingTimeout 1000 -ErrorAction SilentlyContinue
                $images.HostName | Should -Be 'n1'
            }
            finally {
                & "$root/tests/hosts/hosts" link n2 up --dir "$work/hosts"
            }
        }
    }
}
