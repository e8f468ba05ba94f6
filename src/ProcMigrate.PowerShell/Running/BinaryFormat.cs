using System.Diagnostics;

namespace ProcMigrate.PowerShell.Running;

/// <summary>The kernel's registry of what runs which files (binfmt_misc).</summary>
internal static class BinaryFormat
{
    public const string Name = "procmigrate";

    private const string Registry = "/proc/sys/fs/binfmt_misc";
    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    public static string Entry => $"{Registry}/{Name}";

    /// <summary>Read by systemd-binfmt at each boot.</summary>
    public static string BootFile => $"/etc/binfmt.d/{Name}.conf";

    public static string DefaultScript => $"/usr/local/libexec/{Name}-open";

    public static bool IsRegistered => File.Exists(Entry);

    /// <summary>Image files say what they are at offset 128, within what the kernel looks at; a core alone does not.</summary>
    public static string RegistrationFor(string script) => $@":{Name}:M:128:ProcMigrate\x20image::{script}:";

    public static string ScriptFor(string binary) =>
        $"""
        #!/bin/sh
        # Continues the process image that is run, here and now. Made by Register-ProcessImageHandler.
        exec {Quote(binary)} restore --wait -- "$1"

        """;

    /// <exception cref="UnauthorizedAccessException">Only root may.</exception>
    public static void Register(string script, string binary, bool permanent)
    {
        MountRegistry();
        Directory.CreateDirectory(Path.GetDirectoryName(script)!);
        File.WriteAllText(script, ScriptFor(binary));
        File.SetUnixFileMode(script, ForAll);
        if (IsRegistered)
            Forget();
        WriteRaw($"{Registry}/register", RegistrationFor(script));
        if (permanent)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(BootFile)!);
            File.WriteAllText(BootFile, RegistrationFor(script) + "\n");
        }
    }

    /// <summary>The script that is registered, or null.</summary>
    public static string? RegisteredScript() => !IsRegistered ? null
        : File.ReadLines(Entry).FirstOrDefault(line => line.StartsWith("interpreter ", StringComparison.Ordinal))?["interpreter ".Length..];

    public static void Unregister()
    {
        if (RegisteredScript() is { } script)
        {
            Forget();
            // Another's file stays.
            if (File.Exists(script) && File.ReadAllText(script).Contains("Made by Register-ProcessImageHandler", StringComparison.Ordinal))
                File.Delete(script);
        }

        File.Delete(BootFile);
    }

    private static void Forget() => WriteRaw(Entry, "-1");

    /// <summary>One write(2) to a file that is there: the kernel takes it as it comes.</summary>
    private static void WriteRaw(string path, string text)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        file.Write(System.Text.Encoding.UTF8.GetBytes(text));
    }

    private static void MountRegistry()
    {
        if (File.Exists($"{Registry}/register"))
            return;
        using var mount = Process.Start(new ProcessStartInfo("mount", ["-t", "binfmt_misc", "binfmt_misc", Registry])
        {
            RedirectStandardError = true,
        }) ?? throw new IOException("mount(8) cannot be started");
        var said = mount.StandardError.ReadToEnd().Trim();
        mount.WaitForExit();
        if (mount.ExitCode != 0)
            throw new UnauthorizedAccessException($"{Registry} cannot be mounted: {said}");
    }

    private static string Quote(string word) => $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
