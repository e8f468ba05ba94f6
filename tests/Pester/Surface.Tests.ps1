# What a user finds before anything is run: names, parameters, help.

BeforeDiscovery {
    $manifest = Import-PowerShellDataFile "$PSScriptRoot/../../module/ProcMigrate/ProcMigrate.psd1"
    $cmdlets = $manifest.CmdletsToExport | ForEach-Object { @{ Name = $_ } }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    Import-TestedModule
    $root = Resolve-Path "$PSScriptRoot/../.."
    $common = [Management.Automation.PSCmdlet]::CommonParameters

    function Get-ParameterAttribute([string] $Command, [string] $Parameter, [string] $Set) {
        (Get-Command $Command).Parameters[$Parameter].ParameterSets[$Set]
    }
}

Describe 'The module' {
    It 'exports what the manifest names, and no more' {
        $manifest = Import-PowerShellDataFile "$root/module/ProcMigrate/ProcMigrate.psd1"
        (Get-Command -Module ProcMigrate).Name | Sort-Object | Should -Be ($manifest.CmdletsToExport | Sort-Object)
    }

    It 'has the version of the build' {
        $version = ([xml](Get-Content "$root/Directory.Build.props")).Project.PropertyGroup.Version
        (Get-Module ProcMigrate).Version | Should -Be $version
    }

    It 'has a manifest that PowerShell accepts' {
        $manifest = Test-ModuleManifest "$root/artifacts/module/ProcMigrate/ProcMigrate.psd1"
        $manifest.CompatiblePSEditions | Should -Be 'Core'
        $manifest.ExportedFunctions.Count | Should -Be 0
        $manifest.PrivateData.PSData.LicenseUri | Should -Not -BeNullOrEmpty
        $manifest.PrivateData.PSData.ReleaseNotes | Should -Not -BeNullOrEmpty
    }

    It 'uses approved verbs only' {
        (Get-Command -Module ProcMigrate).Verb | Where-Object { $_ -notin (Get-Verb).Verb } | Should -BeNullOrEmpty
    }
}

Describe '<Name>' -ForEach $cmdlets {
    # Get-Help reads the whole file each time.
    BeforeAll { $help = Get-Help $Name -Full }

    It 'has no parameter that hides PSCmdlet.Host' {
        (Get-Command $Name).Parameters.Keys | Should -Not -Contain 'Host'
    }

    It 'has a synopsis, a description and three examples' {
        $help.Synopsis | Should -Not -Match "^\s*$Name"
        ($help.description.Text -join '').Length | Should -BeGreaterThan 40
        @($help.examples.example).Count | Should -BeGreaterOrEqual 3
        $help.examples.example.code | Should -Match $Name
    }

    It 'tells every parameter' {
        $parameters = @($help.parameters.parameter)
        foreach ($parameter in (Get-Command $Name).Parameters.Values | Where-Object Name -NotIn $common) {
            $told = $parameters | Where-Object name -EQ $parameter.Name
            $told | Should -Not -BeNullOrEmpty -Because $parameter.Name
            ($told.description.Text -join '').Length | Should -BeGreaterThan 10 -Because $parameter.Name
        }
    }

    It 'tells the same sets of parameters as it has' {
        @($help.syntax.syntaxItem).Count | Should -Be (Get-Command $Name).ParameterSets.Count
    }

    It 'has switches and enums where others would have booleans and strings' {
        (Get-Command $Name).Parameters.Values.ParameterType | Should -Not -Contain ([bool])
    }
}

Describe 'About topics' {
    It '<_>' -ForEach 'about_ProcMigrate', 'about_ProcMigrate_Errors', 'about_ProcMigrate_Limits' {
        $text = Get-Help $_ | Out-String
        $text.Length | Should -BeGreaterThan 1000
        $text | Should -Match 'SHORT DESCRIPTION'
        $text -split "`n" | Where-Object Length -GT 110 | Should -BeNullOrEmpty
    }

    It 'tell the category of every id that a blocker can have' {
        $text = Get-Help about_ProcMigrate_Errors | Out-String
        foreach ($id in Select-String -Path "$root/docs/limits.md" -Pattern '^\| `(\w+)`') {
            $text | Should -Match "(?m)^\s+$($id.Matches[0].Groups[1].Value)\s*$"
        }
    }

    It 'tell every id that a cmdlet reports of its own' {
        $text = Get-Help about_ProcMigrate_Errors | Out-String
        $ids = Get-ChildItem "$root/src/ProcMigrate.PowerShell" -Recurse -Filter *.cs |
            Select-String -Pattern '"([A-Z]\w+)",\s*(?:failure is \w+ \? )?ErrorCategory\.' -AllMatches | ForEach-Object { $_.Matches.Groups.Where({ $_.Name -eq '1' }).Value }
        $ids.Count | Should -BeGreaterThan 10
        $ids | Where-Object { $text -notmatch $_ } | Should -BeNullOrEmpty
    }
}

Describe 'Parameters by convention' {
    It '<Command> takes -Host and -ComputerName for -HostName' -ForEach @(
        foreach ($command in 'Send-ProcessImage', 'Receive-ProcessImage', 'Restore-ProcessImage', 'Get-ProcessImage', 'Test-ProcessImage', 'Export-ProcessImage', 'Test-ProcessImageHost') { @{ Command = $command } }
    ) {
        $parameter = (Get-Command $Command).Parameters['HostName']
        $parameter.Aliases | Should -Contain 'Host'
        $parameter.Aliases | Should -Contain 'ComputerName'
        $parameter.ParameterType | Should -Be ([string[]])
    }

    It '<Command> takes the login as PowerShell''s own remoting does' -ForEach @(
        foreach ($command in 'Send-ProcessImage', 'Receive-ProcessImage', 'Restore-ProcessImage', 'Get-ProcessImage') { @{ Command = $command } }
    ) {
        (Get-Command $Command).Parameters.Keys | Should -Contain 'UserName'
        $parameters = (Get-Command $Command).Parameters
        $parameters['Port'].ParameterType | Should -Be ([int])
        $parameters['KeyFilePath'].Aliases | Should -Contain 'IdentityFilePath'
        $parameters['Options'].ParameterType | Should -Be ([hashtable])
        $parameters.Keys | Should -Contain 'ConnectingTimeout'
        $parameters.Keys | Should -Contain 'ThrottleLimit'
    }

    It '<Command> takes paths with PSPath and literally' -ForEach @(
        foreach ($command in 'Send-ProcessImage', 'Restore-ProcessImage', 'Get-ProcessImage', 'Test-ProcessImage', 'Export-ProcessImage') { @{ Command = $command } }
    ) {
        $parameters = (Get-Command $Command).Parameters
        $parameters['Path'].Aliases | Should -Contain 'PSPath'
        $parameters.Keys | Should -Contain 'LiteralPath'
        (Get-ParameterAttribute $Command Path Path).ValueFromPipelineByPropertyName | Should -BeTrue
        (Get-ParameterAttribute $Command InputObject InputObject).ValueFromPipeline | Should -BeTrue
    }

    It '<Command> takes processes by object, id and name' -ForEach @{ Command = 'Save-ProcessImage' }, @{ Command = 'Checkpoint-Process' } {
        (Get-Command $Command).ParameterSets.Name | Sort-Object | Should -Be 'Id', 'InputObject', 'Name'
        (Get-ParameterAttribute $Command InputObject InputObject).ValueFromPipeline | Should -BeTrue
        (Get-ParameterAttribute $Command Name Name).Position | Should -Be 0
    }

    It '<Command> returns jobs' -ForEach @(
        foreach ($command in 'Save-ProcessImage', 'Checkpoint-Process', 'Send-ProcessImage', 'Receive-ProcessImage', 'Restore-ProcessImage') { @{ Command = $command } }
    ) {
        (Get-Command $Command).Parameters['AsJob'].ParameterType | Should -Be ([switch])
    }

    It '<Command> has <Impact> impact' -ForEach @(
        @{ Command = 'Save-ProcessImage'; Impact = 'High' }
        @{ Command = 'Move-Process'; Impact = 'High' }
        @{ Command = 'Checkpoint-Process'; Impact = 'Medium' }
        @{ Command = 'Send-ProcessImage'; Impact = 'Medium' }
        @{ Command = 'Receive-ProcessImage'; Impact = 'Medium' }
        @{ Command = 'Restore-ProcessImage'; Impact = 'Medium' }
        @{ Command = 'Export-ProcessImage'; Impact = 'Medium' }
        @{ Command = 'Register-ProcessImageHandler'; Impact = 'Medium' }
    ) {
        $attribute = (Get-Command $Command).ImplementingType.GetCustomAttributes([Management.Automation.CmdletAttribute], $false)[0]
        $attribute.SupportsShouldProcess | Should -BeTrue
        $attribute.ConfirmImpact | Should -Be $Impact
    }

    It '<Command> changes nothing, and so does not ask' -ForEach @(
        foreach ($command in 'Get-ProcessImage', 'Test-ProcessImage', 'Compare-ProcessImage', 'Test-ProcessImageHost') { @{ Command = $command } }
    ) {
        (Get-Command $Command).Parameters.Keys | Should -Not -Contain 'WhatIf'
    }

    It '-<Parameter> of <Command> is an enum' -ForEach @(
        @{ Command = 'Save-ProcessImage'; Parameter = 'TcpPolicy'; Names = 'Refuse', 'Close', 'Migrate' }
        @{ Command = 'Save-ProcessImage'; Parameter = 'Method'; Names = 'Auto', 'Stop' }
        @{ Command = 'Restore-ProcessImage'; Parameter = 'FileChanged'; Names = 'Refuse', 'Accept', 'Truncate' }
    ) {
        [enum]::GetNames((Get-Command $Command).Parameters[$Parameter].ParameterType) | Should -Be $Names
    }

    It 'refuses -LeaveRunning together with -LeaveStopped' {
        { Save-ProcessImage -Id $PID -LeaveRunning -LeaveStopped } | Should -Throw -ErrorId 'RunningAndStopped,ProcMigrate.PowerShell.Cmdlets.SaveProcessImageCommand'
    }

    It 'refuses <What>' -ForEach @(
        @{ What = 'port 0'; Script = { Get-ProcessImage x -HostName n2 -Port 0 } }
        @{ What = 'a pid of 0'; Script = { Save-ProcessImage -Id 0 } }
        @{ What = 'an empty host name'; Script = { Send-ProcessImage x -HostName '' } }
        @{ What = 'a throttle of 0'; Script = { Get-ProcessImage x -ThrottleLimit 0 } }
        @{ What = 'an unknown policy'; Script = { Save-ProcessImage x -TcpPolicy Keep } }
    ) {
        { & $Script } | Should -Throw -ExceptionType ([Management.Automation.ParameterBindingException])
    }
}

Describe 'Completion' {
    BeforeAll {
        function Get-Completion([string] $Text) { (TabExpansion2 $Text $Text.Length).CompletionMatches }
        $home0 = $env:HOME
        $env:HOME = (New-Item -ItemType Directory "$TestDrive/home").FullName
        $null = New-Item -ItemType Directory "$env:HOME/.ssh"
        Set-Content "$env:HOME/.ssh/config" "Host gate gamma`nHost *.example"
        Set-Content "$env:HOME/.ssh/known_hosts" "garden,10.0.0.9 ssh-ed25519 AAAA`n|1|x=|y= ssh-ed25519 AAAA"
        $null = New-Item "$TestDrive/one.pmi", "$TestDrive/two words.pmi", "$TestDrive/other.txt"
    }

    AfterAll { $env:HOME = $home0 }

    It 'of host names knows ~/.ssh/config and known_hosts' {
        (Get-Completion 'Get-ProcessImage -HostName ga').CompletionText | Should -Be 'gamma', 'garden', 'gate'
    }

    It 'of host names keeps the user' {
        (Get-Completion 'Send-ProcessImage x -HostName ann@gat').CompletionText | Should -Be 'ann@gate'
    }

    It 'of pids shows the names' {
        $match = (Get-Completion "Save-ProcessImage -Id $PID") | Where-Object CompletionText -EQ "$PID"
        $match.ListItemText | Should -BeExactly "$PID - $((Get-Process -Id $PID).ProcessName)"
    }

    It 'of pids goes by the name, too' {
        (Get-Completion "Test-ProcessImage -Id $((Get-Process -Id $PID).ProcessName)").CompletionText | Should -Contain "$PID"
    }

    It 'of names' {
        (Get-Completion 'Checkpoint-Process -Name pws').CompletionText | Should -Contain 'pwsh'
    }

    It 'of image paths leaves other files out, and quotes' {
        $texts = (Get-Completion "Get-ProcessImage -Path $TestDrive/").CompletionText
        $texts | Should -Contain "$TestDrive/one.pmi"
        $texts | Should -Contain "'$TestDrive/two words.pmi'"
        $texts | Should -Not -Contain "$TestDrive/other.txt"
    }

    It 'of enums' {
        (Get-Completion 'Save-ProcessImage x -TcpPolicy Mi').CompletionText | Should -Be 'Migrate'
    }
}
