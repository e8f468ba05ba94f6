#Requires -Version 7.5
<#
.SYNOPSIS
    Makes the .nupkg of a module, as Publish-PSResource would, and gives its path.
.DESCRIPTION
    A .nupkg is a zip archive by the Open Packaging Conventions with a .nuspec. What it says comes from the module's manifest. The
    binary keeps its permission to run.
.EXAMPLE
    scripts/New-ModulePackage.ps1 -ModulePath artifacts/module/ProcMigrate -OutputPath artifacts/packages
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $ModulePath,
    [Parameter(Mandatory)] [string] $OutputPath,
    # The procmigrate to put in; the one in the module's linux-x64 unless given.
    [string] $Binary = (Join-Path $ModulePath 'linux-x64/procmigrate')
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

$name = Split-Path -Leaf $ModulePath
$manifest = Import-PowerShellDataFile (Join-Path $ModulePath "$name.psd1")
$data = $manifest.PrivateData.PSData
$version = $manifest.ModuleVersion
if ($data.ContainsKey('Prerelease')) {
    $version += '-' + $data.Prerelease
}

if (-not (Test-Path $Binary)) {
    throw "There is no $Binary to put into the package: run ./build.ps1 first."
}

# The tags by which a gallery finds cmdlets.
$tags = @($data.Tags) + 'PSModule' + 'PSIncludes_Cmdlet' +
    ($manifest.CmdletsToExport | ForEach-Object { "PSCmdlet_$_", "PSCommand_$_" }) | Select-Object -Unique

function ConvertTo-XmlText([string] $Text) { [Security.SecurityElement]::Escape($Text) }

$nuspec = @"
<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata>
    <id>$name</id>
    <version>$version</version>
    <authors>$(ConvertTo-XmlText $manifest.Author)</authors>
    <owners>$(ConvertTo-XmlText $manifest.CompanyName)</owners>
    <requireLicenseAcceptance>false</requireLicenseAcceptance>
    <license type="expression">MIT</license>
    <licenseUrl>https://licenses.nuget.org/MIT</licenseUrl>
    <description>$(ConvertTo-XmlText $manifest.Description)</description>
    <releaseNotes>$(ConvertTo-XmlText $data.ReleaseNotes)</releaseNotes>
    <copyright>$(ConvertTo-XmlText $manifest.Copyright)</copyright>
    <tags>$(ConvertTo-XmlText ($tags -join ' '))</tags>
  </metadata>
</package>
"@

$files = [ordered]@{}
Get-ChildItem $ModulePath -Recurse -File | Sort-Object FullName | ForEach-Object {
    $files[[IO.Path]::GetRelativePath($ModulePath, $_.FullName)] = $_.FullName
}

$files['linux-x64/procmigrate'] = $Binary

# Each part needs a content type, by its extension or, where it has none, by its name.
$extensions = @('rels', 'psmdcp', 'nuspec') + ($files.Keys | ForEach-Object { [IO.Path]::GetExtension($_).TrimStart('.') }) |
    Where-Object { $_ } | Select-Object -Unique
$types = $extensions | ForEach-Object {
    $type = $_ -eq 'rels' ? 'application/vnd.openxmlformats-package.relationships+xml' :
        $_ -eq 'psmdcp' ? 'application/vnd.openxmlformats-package.core-properties+xml' : 'application/octet'
    "  <Default Extension=""$_"" ContentType=""$type"" />"
}
$types += $files.Keys | Where-Object { -not [IO.Path]::GetExtension($_) } |
    ForEach-Object { "  <Override PartName=""/$_"" ContentType=""application/octet"" />" }
$properties = 'package/services/metadata/core-properties/procmigrate.psmdcp'
$parts = [ordered]@{
    '_rels/.rels'          = @"
<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/$name.nuspec" Id="R1" />
  <Relationship Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="/$properties" Id="R2" />
</Relationships>
"@
    "$name.nuspec"         = $nuspec
    '[Content_Types].xml'  = @"
<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
$($types -join "`n")
</Types>
"@
    $properties            = @"
<?xml version="1.0" encoding="utf-8"?>
<coreProperties xmlns="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">
  <dc:creator>$(ConvertTo-XmlText $manifest.Author)</dc:creator>
  <dc:description>$(ConvertTo-XmlText $manifest.Description)</dc:description>
  <dc:identifier>$name</dc:identifier>
  <version>$version</version>
  <keywords>$(ConvertTo-XmlText ($tags -join ' '))</keywords>
</coreProperties>
"@
}

$null = New-Item -ItemType Directory -Force $OutputPath
$package = Join-Path (Resolve-Path $OutputPath) "$name.$version.nupkg"
Remove-Item -Force $package -ErrorAction Ignore
$zip = [IO.Compression.ZipFile]::Open($package, 'Create')
try {
    foreach ($part in $parts.GetEnumerator()) {
        $stream = $zip.CreateEntry($part.Key).Open()
        $stream.Write([Text.UTF8Encoding]::new($false).GetBytes($part.Value))
        $stream.Dispose()
    }

    foreach ($file in $files.GetEnumerator()) {
        $entry = [IO.Compression.ZipFileExtensions]::CreateEntryFromFile($zip, $file.Value, $file.Key)
        # A regular file, rwxr-xr-x or rw-r--r--, in the upper half as zip has it for Unix.
        $mode = [Convert]::ToInt32(($file.Key -eq 'linux-x64/procmigrate' ? '100755' : '100644'), 8)
        $entry.ExternalAttributes = $mode -shl 16
    }
}
finally {
    $zip.Dispose()
}

$package
