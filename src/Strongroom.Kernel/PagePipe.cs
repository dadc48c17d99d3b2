using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>The reading end of a pipe through which another process lends whole pages of its memory: pipe(7), vmsplice(2). Never waits.</summary>
/// <remarks>A page is copied once, when it is read. Until then the kernel holds a reference to it, so it must not be overwritten.</remarks>
internal sealed partial class PagePipe : OwnedDescriptor
{
    /// <summary>The most pages in the pipe: as many as fs.pipe-max-size lets anybody have, unless it was changed.</summary>
    internal const int Capacity = 256;

    private PagePipe(int fd)
        : base(fd)
    {
    }

    /// <summary>Makes a pipe.</summary>
    /// <param name="writingEnd">The end to pass on; owned by the caller.</param>
    /// <exception cref="KernelException">EMFILE or ENFILE: no descriptor.</exception>
    internal static unsafe PagePipe Make(out OwnedDescriptor writingEnd)
    {
        int* ends = stackalloc int[2];
        if (pipe2(ends, Libc.O_CLOEXEC | Libc.O_NONBLOCK) != 0)
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), "pipe2");
        }

        writingEnd = new OwnedDescriptor(ends[1]);
        _ = fcntl(ends[0], Libc.F_SETPIPE_SZ, Capacity * 4096); // EPERM: the user has many pipes; a smaller one lends fewer pages at once
        return new PagePipe(ends[0]);
    }

    /// <summary>Reads what was lent.</summary>
    /// <param name="pages">Receives whole pages; may lie in secret memory.</param>
    /// <returns>Bytes read, fewer than asked for when the pipe holds no more; or a negative errno.</returns>
    internal unsafe int Read(System.Span<byte> pages)
    {
        fixed (byte* p = pages)
        {
            // SAFETY: the kernel writes at most pages.Length bytes to the pinned span.
            nint n = Libc.read(this, p, (nuint)pages.Length);
            return n < 0 ? -Marshal.GetLastPInvokeError() : (int)n;
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int pipe2(int* ends, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int operation, int argument);
}
