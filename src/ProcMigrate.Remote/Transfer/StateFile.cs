using System.Text;

namespace ProcMigrate.Remote.Transfer;

/// <summary>A note of ours, for its owner alone; there whole or not at all.</summary>
internal static class StateFile
{
    public static void Write(string path, string text)
    {
        string whole = $"{path}.{Guid.NewGuid():N}";
        try
        {
            using (var file = new FileStream(whole, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                BufferSize = 0,
            }))
            {
                file.Write(Encoding.UTF8.GetBytes(text));
                file.Flush(flushToDisk: true);
            }
            File.Move(whole, path, overwrite: true);
        }
        catch
        {
            File.Delete(whole);
            throw;
        }
    }
}
