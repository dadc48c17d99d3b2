using System;
using System.Globalization;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>The memory of a process as whoever may trace it reads it; /proc/PID/mem, proc_pid_mem(5).</summary>
/// <remarks>
/// The kernel reads through get_user_pages with FOLL_FORCE and without the right to wait: it reads pages that the process
/// itself may not (PROT_NONE), brings pages in from swap, and reports EIO for a page that a userfaultfd would have to fill,
/// without raising the fault (fs/proc/base.c, mem_rw; mm/userfaultfd.c handles a fault without FAULT_FLAG_ALLOW_RETRY as
/// SIGBUS). So reading here never opens a sealed page. Belongs to the memory that the process had when this was opened.
/// </remarks>
internal sealed class ProcessMemory : OwnedDescriptor
{
    private ProcessMemory(int fd)
        : base(fd)
    {
    }

    /// <summary>Opens the memory of a process.</summary>
    /// <returns>The memory, or null when the process is gone.</returns>
    /// <exception cref="KernelException">EACCES or EPERM: no right to trace that process (ptrace(2), access modes).</exception>
    internal static ProcessMemory? TryOpen(int pid)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/mem");
        int fd = OpenNumber(path, flags: 0, out int errno);
        return fd >= 0 ? new ProcessMemory(fd)
            : errno is Libc.ENOENT or Libc.ESRCH ? null
            : throw new KernelException(errno, $"open of {path}");
    }

    /// <summary>Reads bytes.</summary>
    /// <param name="address">First byte; below 2^63, which every address that can be read this way is.</param>
    /// <param name="buffer">Receives them.</param>
    /// <returns>
    /// Bytes read, fewer than asked for before a page that cannot be read; 0 when the address space is gone; or a negative errno:
    /// EIO (the first page cannot be read: not mapped, secret memory, device memory, a missing page of a userfaultfd), EINTR.
    /// </returns>
    internal int Read(VirtualAddress address, Span<byte> buffer) => ReadAt(buffer, (long)address.Value);
}
