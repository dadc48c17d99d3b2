using System;
using System.Buffers.Binary;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>Finds a <c>syscall</c> instruction in a target, in the page of code that the kernel gives every process; vdso(7).</summary>
internal static class Vdso
{
    private const ulong AtSysinfoEhdr = 33;
    private const int SearchBytes = 8192;

    /// <summary>Searches the vDSO of a process.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="memory">Its /proc/PID/mem.</param>
    /// <param name="address">The address of the two bytes 0F 05.</param>
    internal static bool TryFindSyscall(int pid, OwnedDescriptor memory, out ulong address)
    {
        address = 0;
        using OwnedDescriptor? vector = OwnedDescriptor.TryOpen($"/proc/{pid}/auxv", 0, out _);
        Span<byte> bytes = stackalloc byte[1024];
        int length = vector?.ReadAt(bytes, 0) ?? 0;
        ulong start = 0;
        for (int i = 0; i + 16 <= length; i += 16)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[i..]) == AtSysinfoEhdr)
            {
                start = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i + 8)..]);
            }
        }

        if (start == 0)
        {
            return false;
        }

        Span<byte> code = stackalloc byte[SearchBytes];
        int found = Math.Max(memory.ReadAt(code[..4096], (long)start), 0);
        found = found == 4096 ? found + Math.Max(memory.ReadAt(code[4096..], (long)start + 4096), 0) : found;
        int index = code[..found].IndexOf([(byte)0x0f, (byte)0x05]);
        address = start + (ulong)Math.Max(index, 0);
        return index >= 0;
    }
}
