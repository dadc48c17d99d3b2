using System;
using System.Globalization;
using System.Runtime.InteropServices;
using Strongroom.Core;

namespace Strongroom.Kernel;

/// <summary>The mappings of a process; /proc/PID/maps, proc_pid_maps(5).</summary>
/// <remarks>
/// Read again and again with one buffer, so that a reader that keeps this object allocates nothing once the buffer is large
/// enough. It belongs to the memory that the process had when this was opened: after execve(2) it reads as empty and must be
/// opened anew. The kernel hands the text out in pieces of about a page, and mappings may change between two pieces; lines
/// that would overlap an earlier one are cut, so ranges always ascend. Thread safety: none.
/// </remarks>
internal sealed class ProcMaps : OwnedDescriptor
{
    private readonly int _pid;
    private byte[] _text = new byte[16 * 1024];
    private int _length;

    private ProcMaps(int fd, int pid)
        : base(fd)
    {
        _pid = pid;
    }

    /// <summary>Opens the mappings of a process. Nothing is read yet.</summary>
    /// <param name="pid">The process, or a thread of it.</param>
    /// <returns>The mappings, or null when the process is gone.</returns>
    /// <exception cref="KernelException">EACCES or EPERM: no right to read that process (ptrace(2), access modes).</exception>
    internal static ProcMaps? TryOpen(int pid)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/maps");
        int fd = OpenNumber(path, flags: 0, out int errno);
        return fd >= 0 ? new ProcMaps(fd, pid)
            : errno is Libc.ENOENT or Libc.ESRCH ? null
            : throw new KernelException(errno, $"open of {path}");
    }

    /// <summary>Reads the mappings as they are now.</summary>
    /// <returns>False when there are none: the process ended or executed another program.</returns>
    /// <exception cref="KernelException">The kernel refused the read.</exception>
    internal bool Refresh()
    {
        _length = 0;
        while (true)
        {
            if (_length == _text.Length)
            {
                Array.Resize(ref _text, _text.Length * 2);
            }

            int n = ReadAt(_text.AsSpan(_length), _length);
            if (n == -Libc.EINTR)
            {
                continue;
            }

            if (n == -Libc.ESRCH)
            {
                _length = 0;
                return false;
            }

            if (n < 0)
            {
                throw new KernelException(-n, $"read of /proc/{_pid}/maps");
            }

            if (n == 0)
            {
                return _length > 0;
            }

            _length += n;
        }
    }

    /// <summary>Finds, at this moment, the VMA that an address lies in or else the next one above; PROCMAP_QUERY (Linux 6.11).</summary>
    /// <param name="address">The address.</param>
    /// <param name="vma">The VMA; valid when 0 is returned.</param>
    /// <returns>0 or an errno: ENOENT (none there nor above), ESRCH (the memory is gone), ENOTTY (an older kernel).</returns>
    /// <remarks>What <see cref="Refresh"/> has read stays as it is.</remarks>
    internal unsafe int Find(VirtualAddress address, out VmaOutline vma)
    {
        procmap_query query = new()
        {
            size = (ulong)sizeof(procmap_query),
            query_flags = Libc.PROCMAP_QUERY_COVERING_OR_NEXT_VMA,
            query_addr = address.Value,
        };

        // SAFETY: the kernel writes the struct; without buffers for the name and the build ID it writes nothing else.
        int errno = Libc.ioctl(this, Libc.PROCMAP_QUERY, &query) == 0 ? 0 : Marshal.GetLastPInvokeError();
        bool isPrivate = (query.vma_flags & Libc.PROCMAP_QUERY_VMA_SHARED) == 0;
        vma = errno == 0
            ? new(new(new(query.vma_start), new(query.vma_end)), isPrivate && query.inode == 0)
            : default;
        return errno;
    }

    /// <summary>Gets the name of a mapping from the last <see cref="Refresh"/>, as the kernel prints it.</summary>
    /// <returns>A path, a name in brackets or nothing; valid until the next <see cref="Refresh"/>.</returns>
    internal ReadOnlySpan<byte> NameOf(in Vma vma) => _text.AsSpan(vma.Name.Start, vma.Name.Length);

    /// <summary>Enumerates the mappings of the last <see cref="Refresh"/> in ascending order.</summary>
    public Enumerator GetEnumerator() => new(_text.AsMemory(0, _length));

    /// <summary>Walks the lines.</summary>
    internal struct Enumerator
    {
        private readonly ReadOnlyMemory<byte> _text;
        private int _next;
        private ulong _end;

        internal Enumerator(ReadOnlyMemory<byte> text)
        {
            _text = text;
        }

        /// <summary>Gets the mapping.</summary>
        public Vma Current { get; private set; }

        /// <summary>Moves to the next mapping.</summary>
        /// <exception cref="FormatException">The kernel wrote a line that is not of the documented form.</exception>
        public bool MoveNext()
        {
            ReadOnlySpan<byte> text = _text.Span;
            while (_next < text.Length)
            {
                int start = _next;
                int length = text[start..].IndexOf((byte)'\n');
                length = length < 0 ? text.Length - start : length;
                _next = start + length + 1;
                Vma vma = MapsLine.Parse(text.Slice(start, length), start);
                if (vma.Range.End.Value <= _end)
                {
                    continue;
                }

                Current = vma.Range.Start.Value >= _end ? vma : CutBelow(vma, _end);
                _end = vma.Range.End.Value;
                return true;
            }

            return false;
        }

        private static Vma CutBelow(in Vma vma, ulong start) => new(
            new AddressRange(new VirtualAddress(start), vma.Range.End),
            vma.Access,
            vma.Kind,
            vma.Offset + (start - vma.Range.Start.Value),
            vma.File,
            vma.Name);
    }
}
