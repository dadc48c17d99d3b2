using System.Globalization;
using Strongroom.Machine.Hardware;

namespace Strongroom.Machine.Mm;

/// <summary>Facts from firmware that decide whether memory keys are used.</summary>
internal sealed record FirmwareFacts
{
    /// <summary>Gets a value indicating whether all RAM carries EFI_MEMORY_CPU_CRYPTO.</summary>
    internal bool AllMemoryCanBeEncrypted { get; init; } = true;

    /// <summary>
    /// Gets a value indicating whether MSR 0x6F bit 8 forbids KeyID aliases (directory mode of one CPU generation).
    /// </summary>
    internal bool AliasesForbidden { get; init; }

    /// <summary>Gets an HMAT table in place of the machine's own, or null.</summary>
    internal byte[]? Hmat { get; init; }
}

/// <summary>What the kernel made of CPUID and the TME registers at boot.</summary>
/// <param name="KeyIdCount">mktme_nr_keyids: usable KeyIDs beside 0; zero when MKTME is off.</param>
/// <param name="Algorithms">mktme_algs: the activated algorithms, bit 0 XTS-128, bit 2 XTS-256.</param>
/// <param name="Reason">Why MKTME is off, or null.</param>
internal sealed record MktmeEnumeration(int KeyIdCount, int Algorithms, string? Reason)
{
    /// <summary>Asks every online CPU.</summary>
    /// <remarks>
    /// All packages must agree on the activation, or KeyIDs would mean different bits on different CPUs. Without KeyIDs
    /// the machine still runs with TME. Source: Linux RFC "x86/mm: Detect MKTME early" and "Allow to disable MKTME
    /// after enumeration"; "x86/mm: Disable MKTME on incompatible platform configurations", "Disable MKTME if not all
    /// system memory supports encryption".
    /// </remarks>
    internal static MktmeEnumeration Detect(Platform platform, FirmwareFacts firmware, DirectMapShape maps, ulong physicalEnd)
    {
        if ((platform.Cpuid(7, 0).Ecx & (1 << 13)) == 0)
        {
            return Off("the CPU has no TME");
        }

        if ((platform.Cpuid(7, 0).Edx & (1 << 18)) == 0 || (platform.Cpuid(0x1b, 0).Eax & 0xfff) != 1)
        {
            return Off("the CPU has no PCONFIG");
        }

        ulong first = platform.ReadMsr(0, Msr.TmeActivate);
        for (int cpu = 0; cpu < platform.CpuCount; cpu++)
        {
            if (platform.IsOnline(cpu) && platform.ReadMsr(cpu, Msr.TmeActivate) != first)
            {
                return Off(string.Create(CultureInfo.InvariantCulture, $"CPU {cpu} has another TME_ACTIVATE than CPU 0"));
            }
        }

        if ((first & 3) != 3)
        {
            return Off("firmware did not enable and lock TME");
        }

        int keyIds = (int)(platform.ReadMsr(0, Msr.KeyIdPartitioning) & uint.MaxValue);
        int algorithms = (int)((first >> 48) & 0xffff);
        return keyIds == 0 ? Off("firmware left no KeyID to the operating system")
            : algorithms == 0 ? Off("firmware activated no algorithm")
            : firmware.AliasesForbidden ? Off("the platform forbids KeyID aliases (MSR 0x6F bit 8)")
            : !firmware.AllMemoryCanBeEncrypted ? Off("not all memory carries EFI_MEMORY_CPU_CRYPTO")
            : !DirectMap.Fits(physicalEnd, keyIds, maps) ? Off(string.Create(
                CultureInfo.InvariantCulture,
                $"the direct maps of {keyIds} KeyIDs, {DirectMap.SizeFor(physicalEnd, maps) >> 30} GiB each, do not fit"))
            : new(keyIds, algorithms, null);
    }

    private static MktmeEnumeration Off(string reason) => new(0, 0, reason);
}
