using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Devices;

/// <summary>ioctl(2) on devices, by request number; the direction and size in it must be those of the argument.</summary>
public static unsafe class DeviceCalls
{
    /// <summary>The result, or minus errno.</summary>
    public static long Try<T>(Descriptor device, uint request, ref T argument)
        where T : unmanaged
    {
        fixed (T* p = &argument)
            return RawSyscall.Try(SyscallNumber.ioctl, device.Number, unchecked((nint)request), (nint)p);
    }

    public static void Call<T>(Descriptor device, uint request, string name, ref T argument)
        where T : unmanaged =>
        RawSyscall.Check(Try(device, request, ref argument), $"ioctl({name})", $"device on descriptor {device.Number}");

    /// <summary>For requests that take a number instead of a pointer.</summary>
    public static void CallValue(Descriptor device, uint request, string name, nint value) =>
        RawSyscall.Check(
            RawSyscall.Try(SyscallNumber.ioctl, device.Number, unchecked((nint)request), value),
            $"ioctl({name})", $"device on descriptor {device.Number}");
}
