using System.Globalization;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>/proc/PID/oom_score_adj.</summary>
internal static class OomScore
{
    public static void Set(ProcessRecord record, RestoreContext context)
    {
        string path = $"/proc/{record.Pid}/oom_score_adj";
        string wanted = record.OomScoreAdjust.ToString(CultureInfo.InvariantCulture);
        if (FileCalls.ReadText(path).Trim() == wanted)
            return;
        try
        {
            FileCalls.WriteText(path, wanted);
        }
        catch (LinuxException e) when (e.Errno is Errno.EACCES or Errno.EPERM)
        {
            // Lowering it takes CAP_SYS_RESOURCE; the program does not depend on it.
            context.Warnings.Add($"oom_score_adj of process {record.Pid} was {wanted} and cannot be set so low here without CAP_SYS_RESOURCE");
        }
    }
}
