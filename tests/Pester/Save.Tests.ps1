# Save, checkpoint, test and restore on this host, with real programs.

BeforeDiscovery { $isRoot = (id -u) -eq 0 }

Describe 'On this host' -Skip:(-not $isRoot) {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $work = New-WorkFolder
        $confirm = $ConfirmPreference
        $global:ConfirmPreference = 'None'
        $class = 'ProcMigrate.PowerShell.Cmdlets'
    }

    AfterAll {
        $global:ConfirmPreference = $confirm ?? 'High'
        Stop-TestProgram
        Remove-Item -Recurse -Force $work
    }

    Context 'a simulation' {
        BeforeAll { $sim = Start-Simulation $work }

        It 'can be saved, says Test-ProcessImage' {
            Test-ProcessImage -Id $sim.Id | Should -BeTrue
            Get-Process -Id $sim.Id | Test-ProcessImage -Bundle | Should -BeTrue
            Test-ProcessImage -Id $sim.Id -Detailed | Should -BeNullOrEmpty
        }

        It '-WhatIf tells size, freeze and blockers, and does nothing' {
            $text = Get-WhatIf { Save-ProcessImage -Id $sim.Id -DestinationPath $work -WhatIf }
            $text | Should -Match "What if: save and end sim \($($sim.Id)\) to $work/sim-$($sim.Id)-\d{8}T\d{6}\.pmi: 1 process, 4 threads, [\d.]+ [KM]iB of memory, frozen about \d+ ms; nothing stands in the way"
            Get-ChildItem $work -Filter *.pmi | Should -BeNullOrEmpty
            Test-Running $sim.Id | Should -BeTrue
        }

        It '-WhatIf with -Bundle tells the files' {
            $text = Get-WhatIf { Checkpoint-Process -Id $sim.Id -Bundle -WhatIf }
            $text | Should -Match 'save and leave running .* \d+ files with [\d.]+ MiB; nothing stands in the way'
        }

        It 'asks before it ends a program, and cannot in a session that cannot be asked' {
            $text = pwsh -NoProfile -NonInteractive -Command "Import-Module '$((Get-Module ProcMigrate).Path)'; Save-ProcessImage -Id $($sim.Id) -DestinationPath '$work'" 2>&1 | Out-String
            $text | Should -Match 'NonInteractive'
            Test-Running $sim.Id | Should -BeTrue
        }

        It 'Checkpoint-Process lets it run on' {
            $image = Checkpoint-Process -Id $sim.Id -DestinationPath "$work/c.pmi"
            $image | Should -BeOfType ProcMigrate.ProcessImage
            $image.Path | Should -Be "$work/c.pmi"
            $image.RootId | Should -Be $sim.Id
            $image.RootName | Should -BeExactly 'sim'
            $image.Threads | Should -Be 4
            $image.Memory | Should -BeGreaterThan 100KB
            $image.Length | Should -Be (Get-Item $image.Path).Length
            $image.FreezeTime | Should -BeOfType timespan
            $image.HostName | Should -BeNullOrEmpty
            (Get-Item $image.Path).UnixMode | Should -BeExactly '-rw-------'
            Test-Running $sim.Id | Should -BeTrue
        }

        It 'is not written over, unless -Force is given' {
            { Checkpoint-Process -Id $sim.Id -DestinationPath "$work/c.pmi" -ErrorAction Stop } |
                Should -Throw -ErrorId "ImageExists,$class.CheckpointProcessCommand"
            (Checkpoint-Process -Id $sim.Id -DestinationPath "$work/c.pmi" -Force).Path | Should -Be "$work/c.pmi"
        }

        It 'gets a name of its own in a folder, and in the current one' {
            $folder = New-Item -ItemType Directory "$work/names"
            (Checkpoint-Process -Id $sim.Id -DestinationPath $folder).Path | Should -Match "^$folder/sim-$($sim.Id)-\d{8}T\d{6}\.pmi$"
            Push-Location (New-Item -ItemType Directory "$work/here")
            (Checkpoint-Process -Id $sim.Id).Path | Should -Match "^$work/here/sim-$($sim.Id)-\d{8}T\d{6}\.pmi$"
            (Get-ProcessImage).RootId | Should -Be $sim.Id
            Pop-Location
        }

        It 'is found by wildcards, and by processes from the pipeline' {
            $folder = New-Item -ItemType Directory "$work/found"
            Get-Process sim | Where-Object Id -EQ $sim.Id | Checkpoint-Process -DestinationPath "$folder/a.pmi"
            (Get-ProcessImage "$folder/*.pmi").RootId | Should -Be $sim.Id
        }

        It 'tells its phases by -Verbose, and what the binary says by -Debug' {
            $verbose = Checkpoint-Process -Id $sim.Id -DestinationPath "$work/v.pmi" -Verbose 4>&1 | Where-Object { $_ -is [Management.Automation.VerboseRecord] }
            $verbose[0].Message | Should -Match 'procmigrate save --json'
            $verbose[-1].Message | Should -Match 'freezeMs [\d.]+'
            $DebugPreference = 'Continue'
            $debug = Get-ProcessImage "$work/v.pmi" 5>&1 | Where-Object { $_ -is [Management.Automation.DebugRecord] }
            $debug.Message | Should -Match '"event":"result"'
        }

        It 'is saved by a job' {
            $job = Get-Process -Id $sim.Id | Checkpoint-Process -DestinationPath "$work/job.pmi" -AsJob
            $job | Should -BeOfType System.Management.Automation.Job
            (Get-Job -Id $job.Id).Name | Should -Be $job.Name
            ($job | Wait-Job).State | Should -Be 'Completed'
            $image = $job | Receive-Job
            $image.Path | Should -Be "$work/job.pmi"
            $job | Remove-Job
        }

        It 'a job hands on the errors' {
            $job = Checkpoint-Process -Id $sim.Id -DestinationPath "$work/none/x.pmi" -AsJob
            $null = $job | Wait-Job
            $job | Receive-Job -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed.FullyQualifiedErrorId | Should -BeExactly "ImageCannotWrite,$class.CheckpointProcessCommand"
            $job | Remove-Job
        }

        It 'a restore where its pid is taken is an error that names the owner and the way out' {
            { Restore-ProcessImage "$work/c.pmi" -ErrorAction Stop } | Should -Throw -ErrorId "PidInUse,$class.RestoreProcessImageCommand"
            $failure = { Restore-ProcessImage "$work/c.pmi" -ErrorAction Stop } | Should -Throw -PassThru
            $failure.CategoryInfo.Category | Should -Be 'ResourceExists'
            $failure.ErrorDetails.RecommendedAction | Should -Match 'restore with -PidNamespace'
            $failure.Exception | Should -BeOfType ProcMigrate.ProcessImageException
            $failure.Exception.ExitCode | Should -Be 3
            $failure.Exception.Blockers[0] | Should -BeOfType ProcMigrate.ImageBlocker
            $failure.Exception.Blockers.ProcessId | Should -Contain $sim.Id
            Test-ProcessImage "$work/c.pmi" | Should -BeFalse
            (Test-ProcessImage "$work/c.pmi" -Detailed).BlockerId | Should -Contain 'PidInUse'
        }

        It '-Compress Lz4 makes a smaller file, and None does not' {
            $id = Start-TestProgram $work /usr/bin/python3 '-c', 'import time; held = b"procmigrate " * 1000000; open("held", "w").write("READY"); time.sleep(1000)'
            Wait-Until { Test-Ready "$work/held" } 'READY'
            $plain = Checkpoint-Process -Id $id -DestinationPath "$work/plain.pmi" -Compress None
            $packed = Checkpoint-Process -Id $id -DestinationPath "$work/packed.pmi" -Compress Lz4
            $plain.Length | Should -BeGreaterThan 12MB
            $packed.Length | Should -BeLessThan ($plain.Length / 2)
            $packed.Memory | Should -BeGreaterThan 12MB
            kill -KILL $id
            Wait-Until { -not (Test-Running $id) } 'its end'
            (Get-ProcessImage "$work/packed.pmi" | Restore-ProcessImage -LeaveStopped).Id | Should -Be $id
            Get-Content "/proc/$id/stat" | Should -Match '\) T '
            kill -KILL $id
        }

        It 'offers no measuring for a file' {
            { Checkpoint-Process -Id $sim.Id -Compress Auto } | Should -Throw -ErrorId "ParameterArgumentValidationError,$class.CheckpointProcessCommand"
        }

        It '-LeaveStopped leaves it stopped' {
            $null = Save-ProcessImage -Id $sim.Id -DestinationPath "$work/s.pmi" -LeaveStopped
            Get-Content "/proc/$($sim.Id)/stat" | Should -Match '\) T '
            kill -CONT $sim.Id
        }

        It 'is saved and ended, and restored as a Process that goes on rightly' {
            $image = Save-ProcessImage -Id $sim.Id -DestinationPath "$work/e.pmi"
            Test-Running $sim.Id | Should -BeFalse
            Test-ProcessImage $image.Path | Should -BeTrue
            $process = $image | Restore-ProcessImage
            $process | Should -BeOfType System.Diagnostics.Process
            $process.Id | Should -Be $sim.Id
            $process.ImagePath | Should -Be $image.Path
            $process.ImageId | Should -Be $image.ImageId
            Test-Simulation $sim | Should -BeTrue
        }
    }

    Context 'several processes' {
        BeforeAll {
            $first = Start-TestProgram $work /usr/bin/sleep 1000
            $second = Start-TestProgram $work /usr/bin/sleep 1000
        }

        It 'cannot go to one file' {
            { Checkpoint-Process -Id $first, $second -DestinationPath "$work/one.pmi" -ErrorAction Stop } |
                Should -Throw -ErrorId "PathIsOneFile,$class.CheckpointProcessCommand"
            Remove-Item "$work/one.pmi" -ErrorAction Ignore
        }

        It 'go into one image with -SingleImage' {
            $image = Checkpoint-Process -Id $first, $second -DestinationPath "$work/both.pmi" -SingleImage
            $image.Processes.ProcessId | Sort-Object | Should -Be ($first, $second | Sort-Object)
        }

        It 'go to a folder, each under a name of its own, though one of them is not there' {
            $folder = New-Item -ItemType Directory "$work/many"
            $images = Checkpoint-Process -Id $first, ([int]::MaxValue), $second -DestinationPath $folder -ErrorAction SilentlyContinue -ErrorVariable failed
            $images.RootId | Should -Be $first, $second
            $failed.FullyQualifiedErrorId | Should -BeExactly "NoSuchProcess,$class.CheckpointProcessCommand"
            (Get-ChildItem $folder -Filter *.pmi).Count | Should -Be 2
        }

        It 'are emitted as soon as they are there: a pipeline that wants one stops after it' {
            $folder = New-Item -ItemType Directory "$work/first"
            (Get-Process -Id $first, $second | Checkpoint-Process -DestinationPath $folder | Select-Object -First 1).RootId | Should -Be $first
            (Get-ChildItem $folder -Filter *.pmi).Count | Should -Be 1
        }

        It 'of an image are restored alone with -Only' {
            $image = Save-ProcessImage -Id $first, $second -DestinationPath "$work/only.pmi" -SingleImage
            ($image | Restore-ProcessImage -Only $second).Id | Should -Be $second
            Test-Running $first | Should -BeFalse
        }
    }

    Context 'a tree' {
        It 'is saved with its children, and alone with -NoChildren' {
            $id = Start-TestProgram $work /usr/bin/bash '-c', 'sleep 1000; true'
            Wait-Until { (Get-Content "/proc/$id/task/$id/children") } 'a child'
            (Checkpoint-Process -Id $id -DestinationPath "$work/tree.pmi").Processes.ProgramName | Should -Be 'bash', 'sleep'
            (Checkpoint-Process -Id $id -DestinationPath "$work/alone.pmi" -NoChildren).Processes.ProgramName | Should -Be 'bash'
        }
    }

    Context 'a restored program' {
        It 'is waited for with -Wait, and its exit code is told' {
            $id = Start-TestProgram $work /usr/bin/bash '-c', 'while [ ! -e go ]; do sleep 0.1; done; exit 7'
            $image = Save-ProcessImage -Id $id -DestinationPath "$work/wait.pmi"
            $null = New-Item "$work/go"
            $ended = $image | Restore-ProcessImage -Wait
            $ended | Should -BeOfType ProcMigrate.RestoredProcess
            $ended.ExitCode | Should -Be 7
            $ended.Id | Should -Be $id
        }

        It 'can be one of several copies, each in a pid namespace of its own' {
            $id = Start-TestProgram $work /usr/bin/sleep 1000
            $image = Save-ProcessImage -Id $id -DestinationPath "$work/copies.pmi"
            $copies = 1..3 | ForEach-Object { Restore-ProcessImage $image.Path -PidNamespace -WarningAction SilentlyContinue }
            $copies.ProcessName | Should -Be 'sleep', 'sleep', 'sleep'
            ($copies.Id | Select-Object -Unique).Count | Should -Be 3
            $copies | Where-Object Id -NE $id | ForEach-Object { $_.InnerId | Should -Be $id }
            $copies | Stop-Process -Force
        }

        It 'has its files in a folder where it was a bundle' {
            $sim = Start-Simulation $work
            $image = Save-ProcessImage -Id $sim.Id -DestinationPath "$work/bundle.pmi" -Bundle
            $image.Bundled | Should -BeTrue
            $image.BundledFiles.OriginalPath | Should -Contain $sim.Result
            $process = $image | Restore-ProcessImage -FilesPath "$work/unpacked"
            $process.FilesPath | Should -Be "$work/unpacked"
            $name = $process.Files | Where-Object OldPath -EQ $sim.Result
            $name.NewPath | Should -BeLike "$work/unpacked/*"
            Test-Simulation ([pscustomobject]@{ Id = $sim.Id; Result = $name.NewPath }) | Should -BeTrue
        }

        It 'finds mapped paths elsewhere' {
            $old = (New-Item -ItemType Directory "$work/old").FullName
            $sim = Start-Simulation $old
            $image = Save-ProcessImage -Id $sim.Id -DestinationPath "$work/map.pmi"
            Move-Item $old "$work/new"
            Test-ProcessImage $image.Path | Should -BeFalse
            Test-ProcessImage $image.Path -PathMap @{ $old = "$work/new" } | Should -BeTrue
            $null = $image | Restore-ProcessImage -PathMap @{ $old = "$work/new" }
            Test-Simulation ([pscustomobject]@{ Id = $sim.Id; Result = $sim.Result.Replace($old, "$work/new") }) | Should -BeTrue
        }

        It 'takes back what was appended since to a log, with -FileChanged Truncate' {
            $sim = Start-Simulation $work
            $image = Save-ProcessImage -Id $sim.Id -DestinationPath "$work/log.pmi"
            Add-Content $sim.Result 'not of the simulation'
            { $image | Restore-ProcessImage -ErrorAction Stop } | Should -Throw -ErrorId "FileChanged,$class.RestoreProcessImageCommand"
            Get-WhatIf { $image | Restore-ProcessImage -WhatIf } | Should -Match '1 blocker\(s\): FileChanged '
            Get-WhatIf { $image | Restore-ProcessImage -FileChanged Truncate -WhatIf } | Should -Match 'nothing stands in the way'
            $null = $image | Restore-ProcessImage -FileChanged Truncate -WarningAction SilentlyContinue
            Test-Simulation $sim | Should -BeTrue
        }
    }

    Context 'what cannot be saved' {
        BeforeAll {
            $id = Start-TestProgram $work blockers "$work/blockers.out", 'userfaultfd', 'io_uring', 'perf'
            Wait-Until { Test-Ready "$work/blockers.out" } 'READY'
            $blockers = @(Test-ProcessImage -Id $id -Detailed)
        }

        It 'is an error for each sort of blocker, with the blockers as objects' {
            $blockers.Count | Should -BeGreaterThan 0
            Save-ProcessImage -Id $id -DestinationPath "$work/refused.pmi" -ErrorAction SilentlyContinue -ErrorVariable failed
            $failed.FullyQualifiedErrorId | Sort-Object | Should -BeExactly ($blockers.BlockerId | Select-Object -Unique | Sort-Object | ForEach-Object { "$_,$class.SaveProcessImageCommand" })
            $failed.Exception.Blockers.What | Should -Not -BeNullOrEmpty
            $failed | ForEach-Object { $_.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty }
            $failed.TargetObject | Select-Object -Unique | Should -Be $id
            "$work/refused.pmi" | Should -Not -Exist
            Test-Running $id | Should -BeTrue
        }

        It 'shows in -WhatIf' {
            $text = Get-WhatIf { Save-ProcessImage -Id $id -WhatIf }
            $text | Should -Match "$($blockers.Count) blocker\(s\): .*$($blockers[0].BlockerId)"
        }

        It 'does not keep others from being saved' {
            $other = Start-TestProgram $work /usr/bin/sleep 1000
            $folder = New-Item -ItemType Directory "$work/rest"
            $images = Get-Process -Id $id, $other | Checkpoint-Process -DestinationPath $folder -ErrorAction SilentlyContinue
            $images.RootId | Should -Be $other
        }
    }

    Context 'Ctrl-C' {
        It 'of a save leaves the program running and no file' {
            # 1 GiB takes long enough to be interrupted.
            $id = Start-TestProgram $work memory "$work/memory.out", '1024'
            Wait-Until { Test-Ready "$work/memory.out" } 'READY'
            $shell = [powershell]::Create().AddScript("Import-Module '$((Get-Module ProcMigrate).Path)'; Save-ProcessImage -Id $id -DestinationPath '$work/cut.pmi' -Confirm:`$false")
            $running = $shell.BeginInvoke()
            Wait-Until { $shell.Streams.Progress.Count -gt 0 -or $running.IsCompleted } 'progress'
            $progress = @($shell.Streams.Progress)
            $shell.Stop()
            $progress.Count | Should -BeGreaterThan 0
            $progress[0].Activity | Should -Be "Saving memory ($id)"
            Wait-Until { -not (Get-ChildItem $work -Force -Filter '*cut*') } 'the file is gone'
            Test-Running $id | Should -BeTrue
            Get-Content "/proc/$id/status" | Select-String '^TracerPid:\s+0$' | Should -Not -BeNullOrEmpty
            kill -KILL $id
        }

        It 'of a job is Stop-Job' {
            $id = Start-TestProgram $work /usr/bin/sleep 1000
            $image = Save-ProcessImage -Id $id -DestinationPath "$work/stopped.pmi"
            $job = $image | Restore-ProcessImage -Wait -AsJob
            Wait-Until { Test-Running $id } 'the restored program'
            $job | Stop-Job
            $job.State | Should -Be 'Stopped'
            $job | Remove-Job
        }
    }
}

Describe 'Errors' {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $class = 'ProcMigrate.PowerShell.Cmdlets'
        $text = (New-Item "$TestDrive/text.pmi" -Value 'no image').FullName
    }

    It 'of a process that is not there' {
        { Save-ProcessImage -Id ([int]::MaxValue) -ErrorAction Stop } | Should -Throw -ErrorId "NoSuchProcess,$class.SaveProcessImageCommand"
    }

    It 'of a name that nobody has' {
        { Save-ProcessImage 'no such name' -ErrorAction Stop } | Should -Throw -ErrorId "NoSuchProcess,$class.SaveProcessImageCommand"
    }

    It 'of a wildcard that fits nothing: none, as for Get-Process' {
        Save-ProcessImage 'no such name*' -ErrorAction Stop | Should -BeNullOrEmpty
        Get-ProcessImage "$TestDrive/none*.pmi" -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'of a file that is no image: <Command>' -ForEach @(
        @{ Command = 'Restore-ProcessImage'; Class = 'RestoreProcessImageCommand' }
        @{ Command = 'Get-ProcessImage'; Class = 'GetProcessImageCommand' }
        @{ Command = 'Test-ProcessImage'; Class = 'TestProcessImageCommand' }
    ) {
        $failure = { & $Command $text -ErrorAction Stop } | Should -Throw -PassThru
        $failure.FullyQualifiedErrorId | Should -BeExactly "NotAnImage,ProcMigrate.PowerShell.Cmdlets.$Class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidData'
    }

    It 'of a file that is not there' {
        $failure = { Get-ProcessImage "$TestDrive/none.pmi" -ErrorAction Stop } | Should -Throw -PassThru
        $failure.FullyQualifiedErrorId | Should -BeExactly "ImageNotFound,$class.GetProcessImageCommand"
        $failure.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failure.CategoryInfo.TargetName | Should -Be "$TestDrive/none.pmi"
    }

    It 'of a path that is not in the file system' {
        { Get-ProcessImage Env:HOM* -ErrorAction Stop } | Should -Throw -ErrorId "NotAFilePath,$class.GetProcessImageCommand"
    }

    It 'of one file does not keep the others from being read' {
        Get-ProcessImage $text, "$TestDrive/none.pmi" -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed.Count | Should -Be 2
    }

    It 'of a process that saves itself leaves no file' {
        { Save-ProcessImage -Id $PID -DestinationPath "$TestDrive/self.pmi" -Confirm:$false -ErrorAction Stop } |
            Should -Throw -ErrorId "OwnAncestor,$class.SaveProcessImageCommand"
        "$TestDrive/self.pmi" | Should -Not -Exist
    }

    It 'of a binary that is not where the user says' {
        $before = $env:PROCMIGRATE
        try {
            $env:PROCMIGRATE = "$TestDrive/none"
            { Get-ProcessImage $text -ErrorAction Stop } | Should -Throw -ErrorId "BinaryMissing,$class.GetProcessImageCommand"
        }
        finally {
            $env:PROCMIGRATE = $before
        }
    }

    It 'of a binary that dies without a word' {
        $before = $env:PROCMIGRATE
        try {
            $env:PROCMIGRATE = (New-Item "$TestDrive/dies" -Value "#!/bin/sh`necho gone wrong >&2`nexit 9`n").FullName
            chmod +x $env:PROCMIGRATE
            $failure = { Get-ProcessImage $text -ErrorAction Stop } | Should -Throw -PassThru
            $failure.FullyQualifiedErrorId | Should -BeExactly "NoAnswer,$class.GetProcessImageCommand"
            $failure.Exception.ExitCode | Should -Be 9
            $failure.Exception.Message | Should -Match 'gone wrong'
        }
        finally {
            $env:PROCMIGRATE = $before
        }
    }

    It 'of an ssh option that is none is terminating' {
        { Get-ProcessImage x -HostName n2 -Options @{ 'no option' = 1 } } | Should -Throw -ErrorId "BadSshOption,$class.GetProcessImageCommand"
    }

    It 'of an export of nothing is terminating' {
        { Export-ProcessImage $text } | Should -Throw -ErrorId "NothingToExport,$class.ExportProcessImageCommand"
    }
}
