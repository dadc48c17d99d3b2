using System;

namespace Strongroom.Machine.Hardware;

/// <summary>
/// What somebody with a probe on the memory bus, a cold-boot kit or a replaced module can do to a machine.
/// </summary>
/// <remarks>
/// It sees and changes DRAM only: never caches, keys or registers. Which of these attacks the proposal claims to stop
/// is in docs/coverage.md; the tests of this class say what happens. Thread safety: none.
/// </remarks>
public sealed class AttackerView
{
    private readonly Platform _platform;

    /// <summary>Attaches to a machine.</summary>
    public AttackerView(Platform platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        _platform = platform;
    }

    /// <summary>Reads memory as it is stored.</summary>
    /// <param name="address">Physical, without KeyID; the bytes must lie in one hotplug section.</param>
    /// <param name="stored">Receives the bytes.</param>
    public void Dump(ulong address, Span<byte> stored) => _platform.Dram.Read(address, stored);

    /// <summary>Puts bytes into memory: a replay of what was dumped, a splice from elsewhere, or noise.</summary>
    public void Overwrite(ulong address, ReadOnlySpan<byte> stored) =>
        stored.CopyTo(_platform.Dram.Cells(address, stored.Length));

    /// <summary>
    /// Cuts the power and starts the machine again: caches and keys are gone, memory keeps its bytes, firmware
    /// activates TME anew.
    /// </summary>
    /// <param name="keyIdBits">The KeyID bits that firmware activates.</param>
    public void ColdBoot(int keyIdBits) => _platform.ColdReset(keyIdBits);
}
