# What is in images: objects, views, comparison, reports.

BeforeDiscovery { $isRoot = (id -u) -eq 0 }

Describe 'An image' -Skip:(-not $isRoot) {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $work = New-WorkFolder
        $class = 'ProcMigrate.PowerShell.Cmdlets'
        # A tree with a pipe, an open file, a socket, an environment and a name that is no HTML.
        $script = "$work/<b>&tree.py"
        Set-Content $script @'
import os, socket, sys, time
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
opened = open(sys.argv[1], "w")
if os.fork() == 0:
    time.sleep(1000)
print("READY", file=opened, flush=True)
time.sleep(1000)
'@
        $env:PM_TEST_VARIABLE = 'grüße=1'
        $id = Start-TestProgram $work /usr/bin/python3 $script, "$work/open file"
        Remove-Item Env:PM_TEST_VARIABLE
        Wait-Until { Test-Ready "$work/open file" } 'READY'
        $saved = Checkpoint-Process -Id $id -DestinationPath "$work/a.pmi"
        $plain = Get-ProcessImage "$work/a.pmi"
        $detailed = Get-ProcessImage "$work/a.pmi" -Detailed
    }

    AfterAll {
        Stop-TestProgram
        foreach ($child in $detailed.Processes.ProcessId | Where-Object { $_ -and (Test-Path "/proc/$_") -and (Get-Content "/proc/$_/cmdline") -match 'tree.py' }) {
            kill -KILL $child
        }

        Remove-Item -Recurse -Force $work
    }

    Context 'as an object' {
        It 'is the one that was saved' {
            $plain.ImageId | Should -Be $saved.ImageId
            $plain.RootId | Should -Be $id
            $plain.Memory | Should -BeGreaterThan 1MB
            $plain.Length | Should -Be $saved.Length
            $plain.ImageName | Should -BeExactly 'a.pmi'
        }

        It 'says when and where it was saved, and by what' {
            ([DateTimeOffset]::Now - $plain.SavedAt).TotalMinutes | Should -BeLessThan 10
            $plain.Age.TotalMinutes | Should -BeLessThan 10
            $plain.Origin | Should -BeExactly (uname -n)
            $plain.KernelRelease | Should -BeExactly (uname -r)
            $plain.ToolVersion | Should -Be (Get-Module ProcMigrate).Version
            $plain.Method | Should -BeExactly 'stop'
            $plain.Processor | Should -Not -BeNullOrEmpty
        }

        It 'lists files, kernel objects and blockers' {
            $plain.Files | Should -Contain "$work/open file"
            $plain.Objects['file'] | Should -BeGreaterThan 3
            $plain.Blockers.BlockerId | Should -Contain 'PidInUse'
        }

        It 'can be filtered and sorted by plain properties' {
            Get-ProcessImage "$work/*.pmi" | Where-Object Memory -gt 1KB | Sort-Object SavedAt | Should -HaveCount 1
            Get-ProcessImage "$work/*.pmi" | Where-Object Memory -gt 1TB | Should -BeNullOrEmpty
        }

        It 'is named by <Form>' -ForEach @(
            @{ Form = 'a path'; Command = { Get-ProcessImage "$work/a.pmi" } }
            @{ Form = 'a wildcard'; Command = { Get-ProcessImage "$work/?.pmi" } }
            @{ Form = 'a literal path'; Command = { Get-ProcessImage -LiteralPath "$work/a.pmi" } }
            @{ Form = 'a string from the pipeline'; Command = { "$work/a.pmi" | Get-ProcessImage } }
            @{ Form = 'a file from the pipeline'; Command = { Get-Item "$work/a.pmi" | Get-ProcessImage } }
            @{ Form = 'an image from the pipeline'; Command = { $plain | Get-ProcessImage } }
            @{ Form = 'a provider path'; Command = { Get-ProcessImage "Microsoft.PowerShell.Core\FileSystem::$work/a.pmi" } }
            @{ Form = 'an object with a property Path'; Command = { [pscustomobject]@{ Path = "$work/a.pmi" } | Get-ProcessImage } }
            @{ Form = 'a drive of PowerShell'; Command = { $null = New-PSDrive Images FileSystem $work -Scope Global; Get-ProcessImage Images:/a.pmi; Remove-PSDrive Images } }
        ) {
            $found = & $Command
            $found.Path | Should -Be "$work/a.pmi"
            $found.ImageId | Should -Be $saved.ImageId
        }

        It 'is found under a name that looks like a wildcard' {
            Copy-Item "$work/a.pmi" -Destination "$work/[x].pmi"
            (Get-ProcessImage "$work/[x].pmi").ImageName | Should -BeExactly '[x].pmi'
            (Get-Item -LiteralPath "$work/[x].pmi" | Get-ProcessImage).ImageName | Should -BeExactly '[x].pmi'
            (Get-ProcessImage -LiteralPath "$work/[x].pmi").ImageName | Should -BeExactly '[x].pmi'
            Remove-Item -LiteralPath "$work/[x].pmi"
        }

        It 'survives Export-Clixml' {
            $plain | Export-Clixml "$work/x.xml"
            (Import-Clixml "$work/x.xml" | Get-ProcessImage).ImageId | Should -Be $saved.ImageId
        }
    }

    Context 'in detail' {
        It 'is a tree of processes' {
            $detailed.Processes.Count | Should -Be 2
            $detailed.Processes[0].ProcessId | Should -Be $id
            $detailed.Processes[0].Depth | Should -Be 0
            $detailed.Processes[1].ParentId | Should -Be $id
            $detailed.Processes[1].Depth | Should -Be 1
        }

        It 'tells command line, program, folder and user' {
            $root = $detailed.Processes[0]
            $root.CommandLine[1] | Should -BeExactly $script
            $root.Executable | Should -Be (Get-Item "/proc/$id/exe").ResolveLinkTarget($true).FullName
            $root.WorkingFolder | Should -Be $work
            $root.UserId | Should -Be 0
            $root.Stopped | Should -BeFalse
        }

        It 'tells the environment' {
            $detailed.Processes[0].Environment['PM_TEST_VARIABLE'] | Should -BeExactly 'grüße=1'
            $detailed.Processes[0].Environment.Count | Should -Be ((Get-Content "/proc/$id/environ") -split "`0" | Where-Object { $_ }).Count
        }

        It 'tells every thread and where it stands' {
            $thread = $detailed.Processes[0].ThreadList[0]
            $thread.ThreadId | Should -Be $id
            $thread.Code | Should -BeLike '*/libc.so.6'
            @($thread).Count | Should -Be 1
            $thread.Policy | Should -BeExactly 'SCHED_OTHER'
        }

        It 'tells every mapping as /proc does' {
            $maps = Get-Content "/proc/$id/maps" | Where-Object { $_ -notmatch '\[vsyscall\]' }
            $told = $detailed.Processes[0].Mappings | ForEach-Object { '{0:x}-{1:x} {2}' -f $_.Start, $_.End, $_.Protection }
            # The stack may have grown by now.
            $missing = $maps | Where-Object { $_ -notmatch '\[stack\]|\[heap\]' } | ForEach-Object { ($_ -split ' ')[0..1] -join ' ' -replace '\b0+(?=[0-9a-f])' } | Where-Object { $_ -notin $told }
            $missing | Should -BeNullOrEmpty
            ($detailed.Processes[0].Mappings.Stored | Measure-Object -Sum).Sum | Should -BeGreaterThan 1MB
        }

        It 'tells descriptors and sockets' {
            $fds = $detailed.Processes[0].Descriptors
            $fds.Descriptor | Sort-Object | Should -Be ((Get-ChildItem "/proc/$id/fd").Name | ForEach-Object { [int]$_ } | Sort-Object)
            ($fds | Where-Object Title -EQ "$work/open file").State | ConvertFrom-Json | Should -Not -BeNullOrEmpty
            $detailed.Sockets.Title | Should -Match '^tcp 127\.0\.0\.1:\d+ listening$'
        }
    }

    Context 'as text' {
        BeforeAll {
            $PSStyle.OutputRendering = 'PlainText'
            function Get-Text { ($input | Out-String -Width 200) -split "`n" | ForEach-Object TrimEnd | Where-Object { $_ } }
        }

        It 'is a table' {
            $lines = $plain | Get-Text
            $lines[0] | Should -BeExactly '     Id ProcessName     Threads Memory(M) Length(M) HostName     Path'
            $lines[2] | Should -Match "^\s*$id python3 +2 +[\d.]+ +[\d.]+ +$work/a.pmi$"
        }

        It 'is a list' {
            $lines = $plain | Format-List | Get-Text
            $lines | Should -Contain "ImagePath     : $work/a.pmi"
            $lines -match '^Memory +: [\d.]+M$' | Should -HaveCount 1
            $lines -match '^Blockers +: .*belongs to' | Should -HaveCount 1
        }

        It 'is everything in sections' {
            $lines = $detailed | Get-Text
            'Processes', 'Threads', 'Memory', 'Mappings', 'Descriptors', 'Sockets', 'Files', 'Environment' | ForEach-Object { $lines | Should -Contain $_ }
            $lines -match "^  python3 \(\d+\) +1 " | Should -HaveCount 1
            $lines -match 'PM_TEST_VARIABLE=grüße=1' | Should -HaveCount 2
            $lines | Should -Contain 'What stands in the way of restoring it'
            $lines -match '--pid-namespace' | Should -BeNullOrEmpty
        }

        It '<Type> has its columns' -ForEach @(
            @{ Type = 'a process'; Get = { $detailed.Processes[0] }; Head = '     Id ParentId ProcessName     Threads Memory(M) CommandLine' }
            @{ Type = 'a thread'; Get = { $detailed.Processes[0].ThreadList[0] }; Head = '     Id Name            InstructionPtr Policy   Nice Pending Code' }
            @{ Type = 'a mapping'; Get = { $detailed.Processes[0].Mappings[0] }; Head = 'Address                   Prot  Length  Stored Sort          Name' }
            @{ Type = 'memory of a sort'; Get = { $detailed.Processes[0].MemoryBySort[0] }; Head = 'Sort            Mappings    Length    Stored' }
            @{ Type = 'a descriptor'; Get = { $detailed.Processes[0].Descriptors[0] }; Head = 'Descriptor Kind               Object Name' }
            @{ Type = 'a blocker'; Get = { $plain.Blockers[0] }; Head = '^Id +ProcessId +Fd What +Why$' }
            @{ Type = 'a finding'; Get = { (Test-ProcessImageHost -Detailed)[0] }; Head = 'HostName     State    Topic                        Detail' }
            @{ Type = 'a timing'; Get = { $saved.TimingTable[0] }; Head = 'Phase                Milliseconds' }
        ) {
            # What belongs to a process stands below its id.
            $head = (& $Get | Get-Text | Where-Object { $_ -notmatch '^   ProcessId: \d+$' })[0]
            $head | Should -Match ($Head[0] -eq '^' ? $Head : "^$([regex]::Escape($Head))$")
        }

        It '<Type> fits on a screen of <Width> columns, to its last column' -ForEach @(
            foreach ($width in 80, 120) {
                @{ Type = 'an image'; Width = $width; Get = { $plain }; Last = 'Path' }
                @{ Type = 'a process'; Width = $width; Get = { $detailed.Processes }; Last = 'CommandLine' }
                @{ Type = 'a thread'; Width = $width; Get = { $detailed.Processes.ThreadList }; Last = 'Code' }
                @{ Type = 'a mapping'; Width = $width; Get = { $detailed.Processes.Mappings }; Last = 'Name' }
                @{ Type = 'a descriptor'; Width = $width; Get = { $detailed.Processes.Descriptors }; Last = 'Name' }
                @{ Type = 'a blocker'; Width = $width; Get = { $plain.Blockers }; Last = 'Why' }
                @{ Type = 'a finding'; Width = $width; Get = { Test-ProcessImageHost -Detailed }; Last = 'Detail' }
                @{ Type = 'everything'; Width = $width; Get = { $detailed }; Last = 'CommandLine' }
            }
        ) {
            $lines = (& $Get | Out-String -Width $Width) -split "`n" | ForEach-Object TrimEnd
            $lines | Where-Object Length -GT $Width | Should -BeNullOrEmpty
            @($lines -match "\b$Last$").Count | Should -BeGreaterThan 0
        }
    }

    Context 'beside another' {
        It 'does not differ from its copy' {
            Copy-Item "$work/a.pmi" "$work/copy.pmi"
            Compare-ProcessImage "$work/a.pmi" "$work/copy.pmi" | Should -BeNullOrEmpty
            Remove-Item "$work/copy.pmi"
        }

        It 'differs by what the program did between' {
            $other = Start-TestProgram $work /usr/bin/bash '-c', 'until [ -e more ]; do sleep 0.1; done; exec 9>extra; touch opened; while true; do sleep 1000; done'
            $first = Checkpoint-Process -Id $other -DestinationPath "$work/1.pmi" -NoChildren
            $null = New-Item "$work/more"
            Wait-Until { Test-Path "$work/opened" } 'the other descriptor'
            $second = Checkpoint-Process -Id $other -DestinationPath "$work/2.pmi" -NoChildren
            $difference = $second | Compare-ProcessImage $first | Where-Object Item -EQ Descriptor
            $difference.Key | Should -Be '9'
            $difference.SideIndicator | Should -BeExactly '=>'
            $difference.Difference | Should -BeExactly "file $work/extra"
            $difference.ProcessId | Should -Be $other
            (Compare-ProcessImage $second $first | Where-Object Item -EQ Descriptor).SideIndicator | Should -BeExactly '<='
        }

        It 'that is none is an error' {
            { Compare-ProcessImage "$work/a.pmi" $script -ErrorAction Stop } | Should -Throw -ErrorId "NotAnImage,$class.CompareProcessImageCommand"
        }
    }

    Context 'exported' {
        It 'as a report is one page that needs nothing else, with all names encoded' {
            $file = $saved | Export-ProcessImage -Report "$work/r.html" -PassThru
            $file.FullName | Should -Be "$work/r.html"
            $page = Get-Content "$work/r.html" -Raw
            $page | Should -Match '<svg '
            $page | Should -Match 'freezeMs'
            $page | Should -Match '&lt;b&gt;&amp;tree.py'
            $page | Should -Not -Match '<b>&tree'
            $page | Should -Not -Match 'https?://|<script|<link|url\('
            $page | Should -Not -Match 'PM_TEST_VARIABLE'
            # HTML whose tags are all closed reads as XML, but for the elements that have no end.
            $xml = $page -replace '<!DOCTYPE html>' -replace '<meta [^>]*>'  -replace '&#\d+;' -replace ' open>', '>'
            { [xml]$xml } | Should -Not -Throw
        }

        It 'as a report with environments where asked for' {
            Export-ProcessImage "$work/a.pmi" -Report "$work/e.html" -IncludeEnvironment
            Get-Content "$work/e.html" -Raw | Should -Match 'PM_TEST_VARIABLE'
        }

        It 'is rendered by a browser' -Skip:(-not (Get-Command chromium -ErrorAction Ignore)) {
            Export-ProcessImage "$work/a.pmi" -Report "$work/b.html"
            $dom = chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync "--user-data-dir=$work/browser" --dump-dom "file://$work/b.html" 2>$null | Out-String
            [regex]::Matches($dom, '<rect ').Count | Should -BeGreaterThan 50
            $dom | Should -Match '<h2 id="p\d+">python3'
        }

        It 'as JSON is the image''s own records' {
            Export-ProcessImage "$work/a.pmi" -Json "$work/r.json"
            $tree = Get-Content "$work/r.json" -Raw | ConvertFrom-Json
            $tree.id | Should -Be $saved.ImageId
            $tree.processes.pid | Should -Be $detailed.Processes.ProcessId
        }

        It 'as a core is read by gdb' {
            Export-ProcessImage "$work/a.pmi" -Core "$work/r.core" -Id $detailed.Processes[1].ProcessId
            gdb -nx -batch -ex 'info threads' $detailed.Processes[0].Executable "$work/r.core" 2>$null | Out-String | Should -Match "LWP $($detailed.Processes[1].ProcessId)|Thread "
        }

        It 'to a folder gets the image''s name' {
            $folder = New-Item -ItemType Directory "$work/out"
            Get-Item "$work/a.pmi" | Export-ProcessImage -Report $folder -Json $folder
            (Get-ChildItem $folder).Name | Should -Be 'a.html', 'a.json'
        }

        It 'does not write over a file without -Force' {
            { Export-ProcessImage "$work/a.pmi" -Json "$work/r.json" -ErrorAction Stop } | Should -Throw -ErrorId "FileExists,$class.ExportProcessImageCommand"
            Export-ProcessImage "$work/a.pmi" -Json "$work/r.json" -Force -ErrorAction Stop
        }

        It 'of a process that is not in it' {
            { Export-ProcessImage "$work/a.pmi" -Core "$work/n.core" -Id 1 -ErrorAction Stop } | Should -Throw -ErrorId "Usage,$class.ExportProcessImageCommand"
            "$work/n.core" | Should -Not -Exist
        }

        It 'with -WhatIf is not' {
            Get-WhatIf { Export-ProcessImage "$work/a.pmi" -Report "$work/w.html" -WhatIf } | Should -Match 'w.html'
            "$work/w.html" | Should -Not -Exist
        }

        It 'as a bundle''s files' {
            $null = Checkpoint-Process -Id $id -DestinationPath "$work/bundle.pmi" -Bundle
            Export-ProcessImage "$work/bundle.pmi" -Files "$work/files"
            Get-Content "$work/files$work/open file" | Should -BeExactly 'READY'
        }
    }
}

Describe 'A handler of image files' -Skip:(-not $isRoot) {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $work = New-WorkFolder
        $entry = '/proc/sys/fs/binfmt_misc/procmigrate'
        $registered = Test-Path $entry
    }

    AfterAll {
        if (Test-Path $entry) { Unregister-ProcessImageHandler }
        Stop-TestProgram
        Remove-Item -Recurse -Force $work
    }

    It 'with -WhatIf is not registered' -Skip:$registered {
        Get-WhatIf { Register-ProcessImageHandler -WhatIf } | Should -Match 'run them with'
        $entry | Should -Not -Exist
    }

    It 'lets an image be run' -Skip:$registered {
        $handler = Register-ProcessImageHandler -ScriptPath "$work/open" -PassThru
        $handler.Interpreter | Should -Be "$work/open"
        $handler.Permanent | Should -BeFalse
        $id = Start-TestProgram $work /usr/bin/bash '-c', 'while [ ! -e go ]; do sleep 0.1; done; exit 7'
        $null = Save-ProcessImage -Id $id -DestinationPath "$work/run.pmi" -Confirm:$false
        chmod +x "$work/run.pmi"
        $null = New-Item "$work/go"
        & "$work/run.pmi"
        $LASTEXITCODE | Should -Be 7
    }

    It 'is gone afterwards, and to unregister it again is an error' -Skip:$registered {
        Unregister-ProcessImageHandler
        $entry | Should -Not -Exist
        "$work/open" | Should -Not -Exist
        { Unregister-ProcessImageHandler -ErrorAction Stop } | Should -Throw -ErrorId 'HandlerNotFound,ProcMigrate.PowerShell.Cmdlets.UnregisterProcessImageHandlerCommand'
    }
}
