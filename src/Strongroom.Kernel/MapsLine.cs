using System;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>Parses lines of /proc/PID/maps.</summary>
/// <remarks>
/// <code>
/// 7f8ac149f000-7f8ac14a1000 rw-s 00000000 00:0e 23488                      /secretmem (deleted)
/// start        end          prms offset   dev   inode                      name, "\n" written as "\012"
/// </code>
/// Source: proc_pid_maps(5); fs/proc/task_mmu.c, show_map_vma.
/// </remarks>
internal static class MapsLine
{
    /// <summary>Parses one line.</summary>
    /// <param name="line">The line without its newline.</param>
    /// <param name="start">Index of the line in the whole text, for <see cref="Vma.Name"/>.</param>
    /// <exception cref="FormatException">The line is not of the documented form.</exception>
    internal static Vma Parse(ReadOnlySpan<byte> line, int start)
    {
        int at = 0;
        ulong from = ReadNumber(line, ref at, 16);
        Expect(line, ref at, (byte)'-');
        ulong to = ReadNumber(line, ref at, 16);
        Expect(line, ref at, (byte)' ');
        VmaAccess access = ReadAccess(line, ref at);
        Expect(line, ref at, (byte)' ');
        ulong offset = ReadNumber(line, ref at, 16);
        Expect(line, ref at, (byte)' ');
        uint major = (uint)ReadNumber(line, ref at, 16);
        Expect(line, ref at, (byte)':');
        uint minor = (uint)ReadNumber(line, ref at, 16);
        Expect(line, ref at, (byte)' ');
        ulong inode = ReadNumber(line, ref at, 10);
        while (at < line.Length && line[at] == (byte)' ')
        {
            at++;
        }

        VmaFile file = new(major, minor, inode);
        VmaKind kind = Classify(line[at..], access, file);
        AddressRange range = new(new VirtualAddress(from), new VirtualAddress(to));
        return new Vma(range, access, kind, offset, file, new VmaName(start + at, line.Length - at));
    }

    /// <summary>Tells what a mapping holds from its name.</summary>
    /// <param name="name">The name as the kernel prints it.</param>
    /// <param name="access">Whether it is shared.</param>
    /// <param name="file">Its file; objects of the kernel's own lie on devices without a driver, major number 0.</param>
    /// <remarks>
    /// A file on such a device (tmpfs, overlayfs) may carry the name of a kernel object, so the kinds of file-backed memory are
    /// good for reports, not for decisions on safety. A file can never pass for private anonymous memory: those names carry
    /// no inode.
    /// </remarks>
    internal static VmaKind Classify(ReadOnlySpan<byte> name, VmaAccess access, VmaFile file)
    {
        bool shared = (access & VmaAccess.Shared) != 0;
        if (file == default)
        {
            return ClassifyWithoutFile(name, shared);
        }

        if (file.Major == 0)
        {
            if (name.StartsWith("/secretmem"u8))
            {
                return VmaKind.Secret;
            }

            if (name.StartsWith("/anon_hugepage"u8) || name.StartsWith("/memfd:hugetlb"u8))
            {
                return VmaKind.HugeTlb;
            }

            // A private mapping of /dev/zero is anonymous memory with a name: drivers/char/mem.c, mmap_zero.
            if (!shared && name.SequenceEqual("/dev/zero"u8))
            {
                return VmaKind.Anonymous;
            }

            if (name.StartsWith("anon_inode:"u8) || name.StartsWith("/dmabuf:"u8))
            {
                return VmaKind.Device;
            }

            if (shared && IsSharedMemory(name))
            {
                return VmaKind.SharedMemory;
            }
        }

        return IsDevice(name) ? VmaKind.Device : shared ? VmaKind.FileShared : VmaKind.FilePrivate;
    }

    private static VmaKind ClassifyWithoutFile(ReadOnlySpan<byte> name, bool shared)
    {
        if (name.IsEmpty || name.StartsWith("[anon:"u8))
        {
            return shared ? VmaKind.SharedMemory : VmaKind.Anonymous;
        }

        if (name.StartsWith("[anon_shmem:"u8))
        {
            return VmaKind.SharedMemory;
        }

        // "[stack:TID]" was printed by kernels 3.4 to 4.4 only.
        return name.SequenceEqual("[heap]"u8) ? VmaKind.Heap
            : name.SequenceEqual("[stack]"u8) ? VmaKind.Stack
            : VmaKind.Kernel;
    }

    private static bool IsSharedMemory(ReadOnlySpan<byte> name) =>
        name.StartsWith("/memfd:"u8) || name.StartsWith("/SYSV"u8) || name.StartsWith("/dev/zero (deleted)"u8)
        || name.StartsWith("/dev/shm/"u8) || name.StartsWith("[anon_shmem:"u8);

    private static bool IsDevice(ReadOnlySpan<byte> name) =>
        name.StartsWith("/dev/"u8) && !name.StartsWith("/dev/shm/"u8) && !name.StartsWith("/dev/hugepages/"u8);

    private static VmaAccess ReadAccess(ReadOnlySpan<byte> line, ref int at)
    {
        if (line.Length - at < 4)
        {
            throw Malformed(line);
        }

        VmaAccess access = VmaAccess.None;
        access |= line[at] == (byte)'r' ? VmaAccess.Read : VmaAccess.None;
        access |= line[at + 1] == (byte)'w' ? VmaAccess.Write : VmaAccess.None;
        access |= line[at + 2] == (byte)'x' ? VmaAccess.Execute : VmaAccess.None;
        access |= line[at + 3] == (byte)'s' ? VmaAccess.Shared : VmaAccess.None;
        at += 4;
        return access;
    }

    private static ulong ReadNumber(ReadOnlySpan<byte> line, ref int at, uint radix)
    {
        int first = at;
        ulong value = 0;
        while (at < line.Length)
        {
            uint c = line[at];
            uint digit = c is >= '0' and <= '9' ? c - '0' : c is >= 'a' and <= 'f' ? c - 'a' + 10 : uint.MaxValue;
            if (digit >= radix)
            {
                break;
            }

            value = (value * radix) + digit;
            at++;
        }

        return at > first ? value : throw Malformed(line);
    }

    private static void Expect(ReadOnlySpan<byte> line, ref int at, byte expected)
    {
        if (at >= line.Length || line[at] != expected)
        {
            throw Malformed(line);
        }

        at++;
    }

    private static FormatException Malformed(ReadOnlySpan<byte> line) =>
        new($"A line of /proc/PID/maps is not of the documented form: '{System.Text.Encoding.UTF8.GetString(line)}'.");
}
