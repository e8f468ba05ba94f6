using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace ProcMigrate.Remote.Deployment;

/// <summary>The procmigrate executable that goes to a host: its bytes and what identifies them.</summary>
internal sealed class LocalExecutable
{
    // elf(5): magic, class and machine of the file header.
    private static ReadOnlySpan<byte> ElfMagic => [0x7f, (byte)'E', (byte)'L', (byte)'F'];
    private const int ELFCLASS64 = 2;
    private const int MachineOffset = 18;
    private const ushort EM_X86_64 = 62;
    private const ushort EM_AARCH64 = 183;

    private LocalExecutable(byte[] bytes, string machine)
    {
        (Bytes, Machine) = (bytes, machine);
        Sha256 = Convert.ToHexStringLower(Sha256Sum.Compute(bytes));
        Cksum = PosixChecksum.Compute(bytes);
    }

    public byte[] Bytes { get; }
    public string Sha256 { get; }

    /// <summary>What cksum(1) says, for hosts without sha256sum.</summary>
    public uint Cksum { get; }

    /// <summary>The processor it was made for, as <c>uname -m</c> calls it.</summary>
    public string Machine { get; }

    /// <summary>The one the target names, else the one running, if that is one whole program.</summary>
    public static LocalExecutable For(SshTarget target)
    {
        if (target.Executable is { } path)
            return Read(path, target.Host);
        // Under the runtime /proc/self/exe is dotnet itself, or a start-up stub: alone on a host, neither can do anything.
        if (RuntimeFeature.IsDynamicCodeSupported)
            throw Unusable(target.Host, "this is not the procmigrate executable but a program that uses its library: name the executable to use on hosts");
        return Read("/proc/self/exe", target.Host);
    }

    private static LocalExecutable Read(string path, string host)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable(host, $"the executable {path} cannot be read: {IoFailure.Describe(e)}");
        }
        return new LocalExecutable(bytes, MachineOf(bytes) ?? throw Unusable(host, $"{path} is not an executable for x86-64 or arm64"));
    }

    private static string? MachineOf(ReadOnlySpan<byte> elf)
    {
        if (elf.Length < MachineOffset + sizeof(ushort) || !elf.StartsWith(ElfMagic) || elf[4] != ELFCLASS64)
            return null;
        return BinaryPrimitives.ReadUInt16LittleEndian(elf[MachineOffset..]) switch
        {
            EM_X86_64 => "x86_64",
            EM_AARCH64 => "aarch64",
            _ => null,
        };
    }

    private static RemoteException Unusable(string host, string why) =>
        new(RemoteFailure.ExecutableMissing, host, $"nothing can be put on {host}: {why}.");
}
