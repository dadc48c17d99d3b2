using System.IO;
using Strongroom.Machine.Hardware;
using Strongroom.Memory;

namespace Strongroom.Machine.Mm;

/// <summary>/proc/PID/smaps of a modelled process, with the KeyID line that the selftests of the series read.</summary>
/// <remarks>
/// A block for each VMA: its range and permissions, then fields in kB as in proc_pid_smaps(5), and "KeyID:". The kernel patch that prints
/// that line was not posted with the series; the selftests want a decimal number. As in Linux, pages of special entries (the zero page, secret
/// memory, persistent memory) do not count as resident.
/// </remarks>
internal static class Smaps
{
    private const long SmallKib = 4;
    private const long MediumKib = 2048;

    /// <summary>Writes the blocks of a process.</summary>
    internal static void Write(Process process, TextWriter text)
    {
        foreach (Vma vma in process.Space.Vmas)
        {
            (long resident, long huge, long swapped) = Count(process, vma);
            text.WriteLine($"{vma.Start.Value:x}-{vma.End.Value:x} {Permissions(vma)} {vma.OffsetBytes:x8} 00:00 0 {vma.Backing.Name}".TrimEnd());
            WriteField(text, "Size:", vma.PageCount * SmallKib);
            WriteField(text, "KernelPageSize:", SmallKib);
            WriteField(text, "MMUPageSize:", SmallKib);
            WriteField(text, "Rss:", resident);
            WriteField(text, "Anonymous:", resident);
            WriteField(text, "AnonHugePages:", huge);
            WriteField(text, "Swap:", swapped);
            WriteField(text, "Locked:", (vma.Traits & VmaTraits.Locked) != 0 ? resident : 0);
            text.WriteLine($"{"KeyID:",-16}{vma.KeyId.Value,8}");
        }
    }

    private static void WriteField(TextWriter text, string name, long kib) => text.WriteLine($"{name,-16}{kib,8} kB");

    private static string Permissions(Vma vma) => string.Concat(
        (vma.Protection & Protection.Read) != 0 ? "r" : "-",
        (vma.Protection & Protection.Write) != 0 ? "w" : "-",
        (vma.Protection & Protection.Execute) != 0 ? "x" : "-",
        vma.Backing.Kind is VmaBackingKind.Anonymous or VmaBackingKind.PrivateFile ? "p" : "s");

    private static (long Resident, long Huge, long Swapped) Count(Process process, Vma vma)
    {
        (long resident, long huge, long swapped) = (0, 0, 0);
        PageTable table = process.Table;
        for (ulong at = table.NextMapped(vma.Start.Value, vma.End.Value); at < vma.End.Value;)
        {
            bool isPresent = table.TryWalk(at, out ulong pte, out PageSize size);
            long kib = size == PageSize.Medium ? MediumKib : SmallKib;
            resident += isPresent && (pte & Pte.Special) == 0 ? kib : 0;
            huge += isPresent && size == PageSize.Medium ? kib : 0;
            swapped += isPresent ? 0 : kib;
            at = table.NextMapped(at + ((ulong)kib << 10), vma.End.Value);
        }

        return (resident, huge, swapped);
    }
}
