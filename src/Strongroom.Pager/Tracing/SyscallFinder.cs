using System;
using System.Buffers.Binary;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>Finds a <c>syscall</c> instruction in a target, to make calls with.</summary>
internal static class SyscallFinder
{
    private const ulong AtSysinfoEhdr = 33;

    /// <summary>Searches the vDSO, which the kernel gives every process, vdso(7); and, as some programs unmap it (valgrind) or are given none
    /// (vdso=0), files that are mapped to be executed.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="memory">Its /proc/PID/mem.</param>
    /// <param name="address">The address of the two bytes 0F 05, wherever they lie: in the middle of another instruction they do as well.</param>
    internal static bool TryFind(int pid, OwnedDescriptor memory, out ulong address)
    {
        ulong vdso = AddressOfVdso(pid);
        return (vdso != 0 && TryFindIn(AddressRange.FromLength(new(vdso), 2 * PageNumber.SizeBytes), memory, out address))
            || TryFindInFiles(pid, memory, out address);
    }

    private static ulong AddressOfVdso(int pid)
    {
        using OwnedDescriptor? vector = OwnedDescriptor.TryOpen($"/proc/{pid}/auxv", 0, out _);
        Span<byte> bytes = stackalloc byte[1024];
        int length = vector?.ReadAt(bytes, 0) ?? 0;
        for (int i = 0; i + 16 <= length; i += 16)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[i..]) == AtSysinfoEhdr)
            {
                return BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i + 8)..]);
            }
        }

        return 0;
    }

    // Not in code that the program makes itself: it may be making other code there by the time.
    private static bool TryFindInFiles(int pid, OwnedDescriptor memory, out ulong address)
    {
        address = 0;
        using ProcMaps? maps = ProcMaps.TryOpen(pid);
        if (maps is null || !maps.Refresh())
        {
            return false;
        }

        foreach (Vma vma in maps)
        {
            if (vma.File != default && vma.Allows(VmaAccess.Read) && vma.Allows(VmaAccess.Execute) && TryFindIn(vma.Range, memory, out address))
            {
                return true;
            }
        }

        return false;
    }

    // As far as it can be read.
    private static bool TryFindIn(AddressRange range, OwnedDescriptor memory, out ulong address)
    {
        Span<byte> code = stackalloc byte[PageNumber.SizeBytes];
        for (ulong page = range.Start.Value; page < range.End.Value && memory.ReadAt(code, (long)page) == code.Length; page += PageNumber.SizeBytes)
        {
            int index = code.IndexOf([(byte)0x0f, (byte)0x05]);
            if (index >= 0)
            {
                address = page + (ulong)index;
                return true;
            }
        }

        address = 0;
        return false;
    }
}
