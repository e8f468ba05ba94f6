using System.Runtime.InteropServices;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Devices;

/// <summary>struct ifreq (net/if.h): a network interface by name, and one value of it.</summary>
[StructLayout(LayoutKind.Sequential, Size = 40)]
public unsafe struct InterfaceRequest
{
    public const int NameSize = 16;
    public const int ValueSize = 24;

    public fixed byte ifr_name[NameSize];
    public fixed byte ifr_value[ValueSize];

    public static InterfaceRequest For(string name)
    {
        InterfaceRequest request = default;
        byte[] bytes = CString.BytesOf(name);
        bytes.AsSpan(0, Math.Min(bytes.Length, NameSize - 1)).CopyTo(new Span<byte>(request.ifr_name, NameSize));
        return request;
    }

    public readonly string Name
    {
        get
        {
            fixed (byte* p = ifr_name)
                return CString.OfBuffer(new ReadOnlySpan<byte>(p, NameSize));
        }
    }

    /// <summary>ifr_flags.</summary>
    public ushort Flags
    {
        readonly get
        {
            fixed (byte* p = ifr_value)
                return *(ushort*)p;
        }
        set
        {
            fixed (byte* p = ifr_value)
                *(ushort*)p = value;
        }
    }

    public readonly byte[] Value()
    {
        fixed (byte* p = ifr_value)
            return new ReadOnlySpan<byte>(p, ValueSize).ToArray();
    }

    public void SetValue(ReadOnlySpan<byte> value)
    {
        fixed (byte* p = ifr_value)
            value[..Math.Min(value.Length, ValueSize)].CopyTo(new Span<byte>(p, ValueSize));
    }

    /// <summary>A socket to ask about interfaces with; which protocol it has does not matter.</summary>
    public static Descriptor OpenSocket()
    {
        const int AF_INET = 2, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0x80000;
        return new Descriptor((int)RawSyscall.Call(SyscallNumber.socket, "inet", AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    }
}
