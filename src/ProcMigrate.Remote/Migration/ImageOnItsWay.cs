using Microsoft.Win32.SafeHandles;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>The image of a migration, frame by frame, in any order: several threads read the tree's memory.</summary>
/// <param name="file">For all that is not taken.</param>
internal sealed class ImageOnItsWay(FrameReader reader, TargetFile file) : ArrivingImage
{
    public override string Receive(PageTaker take)
    {
        reader.Read();
        for (; reader.IsData; reader.Read())
        {
            ReadOnlySpan<byte> bytes = reader.Data(out long offset);
            if (reader.Places.IsEmpty)
                file.Write(bytes, offset);
            else
                Place(bytes, offset, take);
        }
        return reader.Type == FrameType.End ? PathOf(file.Handle) : throw reader.Unexpected();
    }

    /// <summary>All of it into the file.</summary>
    public string ReceiveWhole() => Receive((_, _, _, _) => false);

    private void Place(ReadOnlySpan<byte> bytes, long offset, PageTaker take)
    {
        foreach (MemoryPlace place in reader.Places)
        {
            ReadOnlySpan<byte> pages = bytes[..place.Length];
            if (!take(place.Pid, place.Address, offset, pages))
                file.Write(pages, offset);
            bytes = bytes[place.Length..];
            offset += place.Length;
        }
    }

    private static string PathOf(SafeFileHandle handle) => $"/proc/{Environment.ProcessId}/fd/{handle.DangerousGetHandle()}";
}
