using System.Globalization;
using System.Runtime.InteropServices;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>struct ipc64_perm on 64-bit processors.</summary>
[StructLayout(LayoutKind.Sequential, Size = 48)]
public struct IpcPermissions
{
    public int key;
    public uint uid;
    public uint gid;
    public uint cuid;
    public uint cgid;
    public uint mode;
    public ushort seq;
}

/// <summary>struct msqid64_ds on 64-bit processors; the others of its kind begin with the same permissions.</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
public struct MessageQueueStatus
{
    public IpcPermissions msg_perm;
    public long msg_stime;
    public long msg_rtime;
    public long msg_ctime;
    public ulong msg_cbytes;
    public ulong msg_qnum;
    public ulong msg_qbytes;
    public int msg_lspid;
    public int msg_lrpid;
}

/// <summary>The three kinds of System V IPC object, by their names below /proc.</summary>
public enum SysvKind
{
    /// <summary>Shared memory.</summary>
    shm,

    /// <summary>Sets of semaphores.</summary>
    sem,

    /// <summary>Message queues.</summary>
    msg,
}

/// <summary>One line of /proc/sysvipc: the fields by the kernel's own names.</summary>
public sealed record SysvObject(SysvKind Kind, IReadOnlyDictionary<string, long> Fields)
{
    /// <summary>SHM_DEST: removed, and alive only as long as somebody is attached.</summary>
    private const long SHM_DEST = 0x200;

    public int Id => (int)Fields[Kind == SysvKind.msg ? "msqid" : Kind == SysvKind.sem ? "semid" : "shmid"];
    public int Key => (int)Fields["key"];
    public int Mode => (int)(Fields["perms"] & 0x1ff);
    public bool Removed => (Fields["perms"] & SHM_DEST) != 0;
    public uint Uid => (uint)Fields["uid"];
    public uint Gid => (uint)Fields["gid"];
    public long ChangedAt => Fields["ctime"];
}

/// <summary>System V IPC (sysvipc(7)).</summary>
public static unsafe class SysvIpc
{
    public const int IPC_CREAT = 0x200;
    public const int IPC_EXCL = 0x400;
    public const int SHM_RDONLY = 0x1000;
    public const int SHM_EXEC = 0x8000;

    private const int IPC_RMID = 0;
    private const int IPC_SET = 1;
    private const int IPC_STAT = 2;
    private const int GETALL = 13;
    private const int SETALL = 17;
    private const int GETPID = 11;
    private const int IPC_NOWAIT = 0x800;
    private const int MSG_COPY = 0x4000;
    private const int MSG_NOERROR = 0x1000;

    public static IReadOnlyList<SysvObject> List(SysvKind kind) => Parse(kind, FileCalls.ReadText($"/proc/sysvipc/{kind}"));

    internal static IReadOnlyList<SysvObject> Parse(SysvKind kind, string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] names = Words(lines[0]);
        return [.. lines.Skip(1).Select(line => new SysvObject(kind, Fields(names, Words(line))))];
    }

    /// <summary>The next object that this host makes gets this id (/proc/sys/kernel/*_next_id, CAP_CHECKPOINT_RESTORE).</summary>
    public static void ChooseNextId(SysvKind kind, int id) =>
        FileCalls.WriteText($"/proc/sys/kernel/{kind}_next_id", id.ToString(CultureInfo.InvariantCulture));

    public static int CreateMemory(int key, long size, int mode) => (int)RawSyscall.Call(
        SyscallNumber.shmget, $"shared memory of key {key:x}", key, (nint)size, IPC_CREAT | IPC_EXCL | mode);

    public static int CreateSemaphores(int key, int count, int mode) => (int)RawSyscall.Call(
        SyscallNumber.semget, $"semaphores of key {key:x}", key, count, IPC_CREAT | IPC_EXCL | mode);

    public static int CreateQueue(int key, int mode) => (int)RawSyscall.Call(
        SyscallNumber.msgget, $"a message queue of key {key:x}", key, IPC_CREAT | IPC_EXCL | mode);

    public static nint Attach(int id) => (nint)RawSyscall.Call(SyscallNumber.shmat, $"shared memory {id}", id, 0, 0);

    public static void Detach(nint address) => RawSyscall.Call(SyscallNumber.shmdt, "shared memory", address);

    public static void Remove(SysvKind kind, int id) => Control(kind, id, IPC_RMID, 0);

    /// <summary>Owner and mode, and for a queue the bytes it may hold.</summary>
    public static void SetOwner(SysvKind kind, int id, uint uid, uint gid, int mode, ulong queueBytes = 0)
    {
        byte* status = stackalloc byte[sizeof(MessageQueueStatus)];
        Control(kind, id, IPC_STAT, (nint)status);
        var permissions = (IpcPermissions*)status;
        permissions->uid = uid;
        permissions->gid = gid;
        permissions->mode = (uint)mode;
        if (kind == SysvKind.msg)
            ((MessageQueueStatus*)status)->msg_qbytes = queueBytes;
        Control(kind, id, IPC_SET, (nint)status);
    }

    public static MessageQueueStatus QueueStatus(int id)
    {
        MessageQueueStatus status;
        Control(SysvKind.msg, id, IPC_STAT, (nint)(&status));
        return status;
    }

    public static ushort[] Values(int id, int count)
    {
        ushort[] values = new ushort[count];
        fixed (ushort* p = values)
            RawSyscall.Call(SyscallNumber.semctl, $"semaphores {id}", id, 0, GETALL, (nint)p);
        return values;
    }

    public static void SetValues(int id, ReadOnlySpan<ushort> values)
    {
        fixed (ushort* p = values)
            RawSyscall.Call(SyscallNumber.semctl, $"semaphores {id}", id, 0, SETALL, (nint)p);
    }

    /// <summary>Who last changed a semaphore, 0 for nobody.</summary>
    public static int LastUser(int id, int number) =>
        (int)RawSyscall.Call(SyscallNumber.semctl, $"semaphore {number} of {id}", id, number, GETPID);

    /// <summary>A copy of a queued message, which stays where it is; null behind the last.</summary>
    public static (long Type, byte[] Text)? PeekMessage(int id, int number)
    {
        byte[] buffer = new byte[64 * 1024 + sizeof(long)];
        fixed (byte* p = buffer)
        {
            long length = RawSyscall.Try(
                SyscallNumber.msgrcv, id, (nint)p, buffer.Length - sizeof(long), number, MSG_COPY | IPC_NOWAIT | MSG_NOERROR);
            if (length == -Errno.ENOMSG)
                return null;
            RawSyscall.Check(length, "msgrcv(MSG_COPY)", $"message queue {id}");
            return (*(long*)p, buffer.AsSpan(sizeof(long), (int)length).ToArray());
        }
    }

    public static void SendMessage(int id, long type, ReadOnlySpan<byte> text)
    {
        byte[] buffer = new byte[sizeof(long) + text.Length];
        BitConverter.TryWriteBytes(buffer, type);
        text.CopyTo(buffer.AsSpan(sizeof(long)));
        fixed (byte* p = buffer)
            RawSyscall.Call(SyscallNumber.msgsnd, $"message queue {id}", id, (nint)p, text.Length, IPC_NOWAIT);
    }

    private static void Control(SysvKind kind, int id, int command, nint argument)
    {
        string target = $"{kind} {id}";
        if (kind == SysvKind.sem)
            RawSyscall.Call(SyscallNumber.semctl, target, id, 0, command, argument);
        else
            RawSyscall.Call(kind == SysvKind.shm ? SyscallNumber.shmctl : SyscallNumber.msgctl, target, id, command, argument);
    }

    private static Dictionary<string, long> Fields(string[] names, string[] values)
    {
        var fields = new Dictionary<string, long>();
        for (int i = 0; i < names.Length; i++)
            fields[names[i]] = names[i] == "perms" ? Convert.ToInt64(values[i], 8) : long.Parse(values[i], CultureInfo.InvariantCulture);
        return fields;
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
