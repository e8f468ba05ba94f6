namespace ProcMigrate;

/// <summary>What the kernel runs image files with.</summary>
public sealed class ImageHandler
{
    /// <summary>Its name in /proc/sys/fs/binfmt_misc.</summary>
    public required string Name { get; init; }

    /// <summary>The script that restores the image.</summary>
    public required string Interpreter { get; init; }

    /// <summary>The procmigrate that it uses.</summary>
    public required string Binary { get; init; }

    /// <summary>Whether it comes back after a reboot.</summary>
    public required bool Permanent { get; init; }

    public override string ToString() => $"{Name}: {Interpreter}";
}
