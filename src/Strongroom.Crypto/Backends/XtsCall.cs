using System.Runtime.InteropServices;

namespace Strongroom.Crypto.Backends;

/// <summary>The arguments of one call into a backend. Read by machine code, so the layout is fixed.</summary>
/// <safety>
/// Whoever fills it in has checked that every unit lies inside both buffers and that a unit's source and destination
/// are the same bytes or share none; backends check nothing.
/// </safety>
[StructLayout(LayoutKind.Sequential)]
internal struct XtsCall
{
    /// <summary>
    /// The expanded key, as the same backend's <see cref="XtsBackend.Expand"/> wrote it; 64-byte aligned.
    /// </summary>
    public unsafe byte* Schedule;

    /// <summary>The units, in the order in which they are processed.</summary>
    public unsafe XtsUnit* Units;

    /// <summary>How many; may be 0.</summary>
    public long UnitCount;

    /// <summary>Where source offsets count from.</summary>
    public unsafe byte* Source;

    /// <summary>Where destination offsets count from.</summary>
    public unsafe byte* Destination;

    /// <summary>The length of every unit in bytes; a positive multiple of 16.</summary>
    public long UnitBytes;
}
