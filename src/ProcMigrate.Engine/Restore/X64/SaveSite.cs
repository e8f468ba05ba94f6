namespace ProcMigrate.Engine.Restore.X64;

/// <summary>
/// A place in the code of glibc's loader that saves the vector registers on the stack, before it looks a function up for a program
/// (_dl_runtime_resolve_xsave, _xsavec) or finds a thread's variable (_dl_tlsdesc_dynamic_xsave, _xsavec). How much room it makes there is a
/// variable, set at the program's start from what CPUID said.
/// </summary>
/// <param name="Sub">Address of the instruction that makes the room.</param>
/// <param name="Xsave">Address of the instruction that fills it.</param>
/// <param name="Variable">Address of the variable.</param>
/// <param name="Mask">State components that are saved.</param>
/// <param name="Displacement">Where in the room the area for them begins.</param>
/// <param name="Compact">XSAVEC: without gaps for components that are not in the mask.</param>
/// <param name="InRedZone">Some registers lie above the room, below the old stack pointer.</param>
internal sealed record SaveSite(ulong Sub, ulong Xsave, ulong Variable, uint Mask, int Displacement, bool Compact, bool InRedZone)
{
    public const int SubLength = 7;

    /// <summary>Whether the room is made at this address, and not yet filled.</summary>
    public bool HasRoomAt(ulong address) => address >= Sub + SubLength && address <= Xsave;
}
