using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>The audit system's user (/proc/PID/loginuid), which a process can set for itself only, and only once.</summary>
internal sealed class LoginUidAspect : ProcessAspect
{
    public override string Name => "login-uid";

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context) =>
        Read(process.Pid) is { } uid and not uint.MaxValue
            ? JsonSerializer.SerializeToElement(uid, ImageJson.Default.UInt32)
            : null;

    public override void RestoreAfterDescriptors(JsonElement state, ProcessInMaking process)
    {
        uint wanted = state.GetUInt32();
        if (Read(process.Record.Pid) is not { } here || here == wanted)
            return;
        const int O_WRONLY = 1, AT_FDCWD = -100;
        byte[] text = CString.Of(wanted.ToString(CultureInfo.InvariantCulture));
        process.Calls.Run();
        RemoteAddress path = process.Area.WriteData(0, CString.Of("/proc/self/loginuid"));
        RemoteAddress value = process.Area.WriteData(64, text);
        long fd = process.Leader.Call(SyscallNumber.openat, "/proc/self/loginuid", unchecked((ulong)AT_FDCWD), path.Value, O_WRONLY);
        long result = process.Leader.Try(SyscallNumber.write, (ulong)fd, value.Value, (ulong)text.Length - 1);
        process.Leader.Call(SyscallNumber.close, "/proc/self/loginuid", (ulong)fd);
        if (result < 0)
            process.Context.Warnings.Add($"the audit user of process {process.Record.Pid} was {wanted} and stays {here}: {Errno.Describe((int)-result)}");
    }

    /// <returns>Null on a kernel without auditing.</returns>
    private static uint? Read(int pid)
    {
        string path = $"/proc/{pid}/loginuid";
        return File.Exists(path) ? uint.Parse(FileCalls.ReadText(path), CultureInfo.InvariantCulture) : null;
    }
}
