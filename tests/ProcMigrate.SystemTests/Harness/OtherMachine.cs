namespace ProcMigrate.SystemTests.Harness;

/// <summary>
/// A machine that has been up for another time, played by this one: a time namespace shifts what its clocks say, and another boot id tells
/// that they are another's. Each is a command to put before another.
/// </summary>
internal static class OtherMachine
{
    private const string BootId = "/proc/sys/kernel/random/boot_id";

    /// <summary>In a new time namespace.</summary>
    internal static string[] Shifted(TempFolder folder, string monotonic, string boottime, bool otherBoot = true)
    {
        string[] shift = ["unshare", "-T", "--monotonic", monotonic, "--boottime", boottime, "--"];
        return otherBoot ? [.. shift, .. OtherBoot(folder)] : shift;
    }

    /// <summary>In the time namespace of a process.</summary>
    internal static string[] Of(int pid, TempFolder folder) => ["nsenter", "-t", $"{pid}", "-T", "--", .. OtherBoot(folder)];

    /// <summary>
    /// The boot id is a file that lies over the kernel's, until the command has ended: the mount namespace must not be another, or a program
    /// that it restores would live in that.
    /// </summary>
    private static string[] OtherBoot(TempFolder folder)
    {
        File.WriteAllText(folder["boot_id"], $"{Guid.NewGuid()}\n");
        return ["sh", "-c", $"mount --bind {folder["boot_id"]} {BootId} && ( \"$@\" ); rc=$?; umount {BootId}; exit $rc", "sh"];
    }
}
