namespace ProcMigrate.Engine.Restore;

/// <summary>Bytes to write into a restored process once its memory is loaded.</summary>
internal sealed class CodePatch(ulong address, byte[] code)
{
    public ulong Address { get; } = address;
    public byte[] Code { get; } = code;
}
