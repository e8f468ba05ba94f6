# The line that the product is about, from a new session, with nothing but the module as it comes out of its package: a simulation runs
# on n1, and goes on on n2.

BeforeDiscovery { $isRoot = (id -u) -eq 0 }

Describe 'The package' {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $root = (Resolve-Path "$PSScriptRoot/../..").Path
        $version = (Get-Module ProcMigrate).Version
        $package = & "$root/scripts/New-ModulePackage.ps1" -ModulePath "$root/artifacts/module/ProcMigrate" -OutputPath "$TestDrive/packages" -Binary (Get-TestedBinary)
        [IO.Compression.ZipFile]::ExtractToDirectory($package, "$TestDrive/content")
    }

    It 'has the name and version that a gallery goes by' {
        Split-Path -Leaf $package | Should -BeExactly "ProcMigrate.$version.nupkg"
        $metadata = ([xml](Get-Content "$TestDrive/content/ProcMigrate.nuspec")).package.metadata
        $metadata.id | Should -BeExactly 'ProcMigrate'
        $metadata.version | Should -Be $version
        $metadata.license.InnerText | Should -BeExactly 'MIT'
        $metadata.tags -split ' ' | Should -Contain 'PSModule'
        $metadata.tags -split ' ' | Should -Contain 'PSCmdlet_Save-ProcessImage'
        $metadata.tags -split ' ' | Should -Contain 'PSEdition_Core'
    }

    It 'holds the module, its help and its licence' {
        'ProcMigrate.psd1', 'ProcMigrate.PowerShell.dll', 'ProcMigrate.format.ps1xml', 'ProcMigrate.types.ps1xml', 'LICENSE', 'linux-x64/procmigrate',
        'en-US/ProcMigrate.PowerShell.dll-Help.xml', 'en-US/about_ProcMigrate.help.txt' | ForEach-Object { "$TestDrive/content/$_" | Should -Exist }
    }

    It 'keeps the binary''s permission to run' {
        (Get-Item "$TestDrive/content/linux-x64/procmigrate").UnixMode | Should -BeExactly '-rwxr-xr-x'
        & "$TestDrive/content/linux-x64/procmigrate" --version | Should -Match "$version"
    }

    It 'gives each part a content type' {
        $types = [xml](Get-Content -LiteralPath "$TestDrive/content/[Content_Types].xml")
        $known = @($types.Types.Default.Extension | ForEach-Object { ".$_" }) + @($types.Types.Override.PartName)
        Get-ChildItem "$TestDrive/content" -Recurse -File | Where-Object Name -NE '[Content_Types].xml' | ForEach-Object {
            ($_.Extension -in $known) -or ("/$([IO.Path]::GetRelativePath("$TestDrive/content", $_.FullName))" -in $known) | Should -BeTrue -Because $_.Name
        }
    }

    It 'is taken by NuGet''s own client' {
        $null = New-Item -ItemType Directory "$TestDrive/client"
        Set-Content "$TestDrive/client/client.csproj" @"
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net9.0</TargetFramework><DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences></PropertyGroup>
  <ItemGroup><PackageDownload Include="ProcMigrate" Version="[$version]" /></ItemGroup>
</Project>
"@
        $said = dotnet restore "$TestDrive/client/client.csproj" --source "$TestDrive/packages" --packages "$TestDrive/client/packages" | Out-String
        $LASTEXITCODE | Should -Be 0 -Because $said
        "$TestDrive/client/packages/procmigrate/$version/ProcMigrate.psd1" | Should -Exist
    }

    It 'repairs a binary that lost its permission to run' {
        Copy-Item -Recurse "$TestDrive/content" "$TestDrive/ProcMigrate"
        chmod -x "$TestDrive/ProcMigrate/linux-x64/procmigrate"
        $text = pwsh -NoProfile -NonInteractive -Command "`$env:PROCMIGRATE = `$null; Import-Module '$TestDrive/ProcMigrate'; Get-ProcessImage '$TestDrive/none.pmi' -ErrorAction SilentlyContinue -ErrorVariable e; `$e.FullyQualifiedErrorId"
        $text | Should -BeExactly 'ImageNotFound,ProcMigrate.PowerShell.Cmdlets.GetProcessImageCommand'
    }
}

Describe 'Get-Process sim | Save-ProcessImage | Send-ProcessImage -Host n2 | Restore-ProcessImage' -Skip:(-not $isRoot) {
    BeforeAll {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        Import-TestedModule
        $root = (Resolve-Path "$PSScriptRoot/../..").Path
        $programs = "$root/artifacts/programs"
        $path0 = $env:PATH
        $work = New-WorkFolder
        $share = (New-Item -ItemType Directory "$work/share").FullName

        # A user who has nothing but what is installed: a home folder that was empty.
        $package = & "$root/scripts/New-ModulePackage.ps1" -ModulePath "$root/artifacts/module/ProcMigrate" -OutputPath "$work/packages" -Binary (Get-TestedBinary)
        $userHome = (New-Item -ItemType Directory "$share/home").FullName
        $user = "HOME=$userHome", "XDG_DATA_HOME=$userHome/.local/share", "XDG_CACHE_HOME=$userHome/.cache", "XDG_CONFIG_HOME=$userHome/.config"
        $version = (Get-Module ProcMigrate).Version
        $installed = "$userHome/.local/share/powershell/Modules/ProcMigrate/$version"
        $client = [bool](Get-Module -ListAvailable Microsoft.PowerShell.PSResourceGet)
        if ($client) {
            $said = Install-PackagedModule $user "$work/packages" | Out-String
        }
        else {
            # What Install-PSResource does: all but what belongs to the package itself.
            [IO.Compression.ZipFile]::ExtractToDirectory($package, $installed)
            Remove-Item -Recurse -Force -LiteralPath "$installed/_rels", "$installed/package", "$installed/[Content_Types].xml", "$installed/ProcMigrate.nuspec"
        }

        # Of this machine's /tmp the hosts see nothing, and that is where the clone may be.
        Start-TestHosts $work $share, $programs

        # A new session of that user on a host; it knows nothing of this build.
        function Invoke-Session([string] $Name, [string] $Line) {
            $script = "`$ErrorActionPreference = 'Stop'; `$ConfirmPreference = 'None'; $Line | ConvertTo-Json -Depth 3 -WarningAction SilentlyContinue"
            Invoke-OnHost $work $Name ('env', '-u', 'PROCMIGRATE', '-u', 'PSModulePath' + $user + 'pwsh', '-NoLogo', '-NoProfile', '-NonInteractive', '-Command', $script)
        }

        function Start-SimulationOnHost([string] $Name, [string] $Result) {
            $id = [int](Invoke-OnHost $work $Name "$programs/launch", "$share/log", $share, "$programs/sim", $Result, '--pause', '20')
            Wait-Until { (Measure-Step $Result) -ge 10 } 'step 10'
            $id
        }

        $simPid = Start-SimulationOnHost n1 "$share/result"
        $output = Invoke-Session n1 'Get-Process sim | Save-ProcessImage | Send-ProcessImage -Host n2 | Restore-ProcessImage'
        $exitCode = $LASTEXITCODE
        $stepsAtReturn = Measure-Step "$share/result"
        $restored = $exitCode -eq 0 ? ($output | Out-String | ConvertFrom-Json) : $null
    }

    AfterAll {
        Stop-TestHosts $work
        $env:PATH = $path0
        Remove-Item -Recurse -Force $work
    }

    It 'is installed by Install-PSResource from a folder with the package, and the binary can be run' {
        if (-not $client) {
            Set-ItResult -Skipped -Because 'this PowerShell has no Microsoft.PowerShell.PSResourceGet'
        }

        $said | Should -Match "ProcMigrate $version Linux" -Because $said
        $said | Should -Match 'gone: True'
        "$installed/PSGetModuleInfo.xml" | Should -Exist
        "$installed/ProcMigrate.nuspec" | Should -Not -Exist
        # Where an installer drops the permission, the module sets it at the first use: the package's own tests show that.
        & "$installed/linux-x64/procmigrate" --version | Should -Match "$version"
    }

    It 'is the only ProcMigrate of the session' {
        Invoke-Session n1 '(Get-Module ProcMigrate -ListAvailable).ModuleBase' | ConvertFrom-Json | Should -BeExactly $installed
    }

    It 'runs without an error' {
        $exitCode | Should -Be 0 -Because ($output | Out-String)
    }

    It 'says what runs where' {
        $restored.RemoteId | Should -Be $simPid
        $restored.RemoteName | Should -BeExactly 'sim'
        $restored.HostName | Should -BeExactly 'n2'
        $restored.Threads | Should -Be 4
    }

    It 'has ended the program on n1' {
        Invoke-OnHost $work n1 'test', '-e', "/proc/$simPid"
        $LASTEXITCODE | Should -Be 1
    }

    It 'runs it on n2, under the same pid' {
        Invoke-OnHost $work n2 'cat', "/proc/$simPid/comm" | Should -BeExactly 'sim'
    }

    It 'goes on with the next step, and every number is right' {
        Wait-Until { (Measure-Step "$share/result") -ge $stepsAtReturn + 10 } 'ten more steps'
        Invoke-OnHost $work n2 'kill', '-TERM', "$simPid"
        Wait-Until { Invoke-OnHost $work n2 'test', '-e', "/proc/$simPid"; $LASTEXITCODE -ne 0 } 'its end'
        & "$programs/sim" --verify "$share/result" | Should -BeLike 'right:*'
        $LASTEXITCODE | Should -Be 0
    }

    It 'works with filters between, too' {
        $id = Start-SimulationOnHost n1 "$share/filtered"
        $output = Invoke-Session n1 ('Get-Process | Where-Object ProcessName -eq sim | Sort-Object Id | Save-ProcessImage -DestinationPath /root | ' +
            'Where-Object Memory -gt 1MB | Send-ProcessImage -HostName n2 | Where-Object { Test-ProcessImage -InputObject $_ } | Restore-ProcessImage')
        $LASTEXITCODE | Should -Be 0 -Because ($output | Out-String)
        ($output | Out-String | ConvertFrom-Json).HostName | Should -BeExactly 'n2'
        Invoke-OnHost $work n2 'cat', "/proc/$id/comm" | Should -BeExactly 'sim'
        Invoke-OnHost $work n2 'kill', '-KILL', "$id"
    }

    It 'finds the cmdlets and their help by name' {
        $names = Invoke-Session n1 '(Get-Command -Module ProcMigrate -ListImported:$false).Name, (Get-Help Save-ProcessImage).Synopsis' | Out-String | ConvertFrom-Json
        $names[0] | Should -Contain 'Save-ProcessImage'
        $names[1] | Should -BeLike 'Writes running process trees*'
    }
}

Describe 'Import-Module' {
    It 'takes less than 300 ms of its own in a new session' {
        Import-Module "$PSScriptRoot/Support.psm1" -Force
        $root = (Resolve-Path "$PSScriptRoot/../..").Path
        # The processor's time, not the clock's: other work on the machine does not count.
        $script = "`$p = [Diagnostics.Process]::GetCurrentProcess(); `$before = `$p.TotalProcessorTime; Import-Module '$root/artifacts/module/ProcMigrate'; " +
            "`$p.Refresh(); [int](`$p.TotalProcessorTime - `$before).TotalMilliseconds"
        $times = 1..3 | ForEach-Object { [int](pwsh -NoProfile -NonInteractive -Command $script) }
        ($times | Sort-Object)[0] | Should -BeLessThan 300
    }
}
