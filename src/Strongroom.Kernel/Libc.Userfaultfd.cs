using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>linux/userfaultfd.h (UFFDIO_MOVE: Linux 6.8).</content>
internal static partial class Libc
{
    internal const nuint USERFAULTFD_IOC_NEW = 0xaa00;
    internal const nuint UFFDIO_API = 0xc018aa3f;
    internal const nuint UFFDIO_REGISTER = 0xc020aa00;
    internal const nuint UFFDIO_UNREGISTER = 0x8010aa01;
    internal const nuint UFFDIO_WAKE = 0x8010aa02;
    internal const nuint UFFDIO_COPY = 0xc028aa03;
    internal const nuint UFFDIO_ZEROPAGE = 0xc020aa04;
    internal const nuint UFFDIO_MOVE = 0xc028aa05;
    internal const nuint UFFDIO_CONTINUE = 0xc020aa07;

    internal const ulong UFFD_API = 0xaa;
    internal const ulong UFFD_FEATURE_EVENT_FORK = 1 << 1;
    internal const ulong UFFD_FEATURE_EVENT_REMAP = 1 << 2;
    internal const ulong UFFD_FEATURE_EVENT_REMOVE = 1 << 3;
    internal const ulong UFFD_FEATURE_EVENT_UNMAP = 1 << 6;
    internal const ulong UFFD_FEATURE_THREAD_ID = 1 << 8;
    internal const ulong UFFD_FEATURE_MOVE = 1 << 16;

    internal const ulong UFFDIO_REGISTER_MODE_MISSING = 1;
    internal const ulong UFFDIO_MOVE_MODE_DONTWAKE = 1;
    internal const ulong UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES = 2;

    internal const byte UFFD_EVENT_PAGEFAULT = 0x12;
    internal const byte UFFD_EVENT_FORK = 0x13;
    internal const byte UFFD_EVENT_REMAP = 0x14;
    internal const byte UFFD_EVENT_REMOVE = 0x15;
    internal const byte UFFD_EVENT_UNMAP = 0x16;
    internal const ulong UFFD_PAGEFAULT_FLAG_WRITE = 1;
}

/// <summary>One message read from a userfaultfd; 32 bytes, the union flattened to its three words.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffd_msg
{
    internal byte @event;
    internal byte reserved1;
    internal ushort reserved2;
    internal uint reserved3;

    /// <summary>pagefault: flags; fork: the new descriptor (low 32 bits); remap: from; remove, unmap: start.</summary>
    internal ulong word0;

    /// <summary>pagefault: address; remap: to; remove, unmap: end.</summary>
    internal ulong word1;

    /// <summary>pagefault: thread id, if asked for; remap: length in bytes.</summary>
    internal ulong word2;
}

/// <summary>Argument of UFFDIO_API.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffdio_api
{
    internal ulong api;
    internal ulong features;
    internal ulong ioctls;
}

/// <summary>A range in a userfaultfd call.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffdio_range
{
    internal ulong start;
    internal ulong len;
}

/// <summary>Argument of UFFDIO_REGISTER.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffdio_register
{
    internal uffdio_range range;
    internal ulong mode;
    internal ulong ioctls;
}

/// <summary>Argument of UFFDIO_COPY.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffdio_copy
{
    internal ulong dst;
    internal ulong src;
    internal ulong len;
    internal ulong mode;
    internal long copy;
}

/// <summary>Argument of UFFDIO_ZEROPAGE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffdio_zeropage
{
    internal uffdio_range range;
    internal ulong mode;
    internal long zeropage;
}

/// <summary>Argument of UFFDIO_CONTINUE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffdio_continue
{
    internal uffdio_range range;
    internal ulong mode;
    internal long mapped;
}

/// <summary>Argument of UFFDIO_MOVE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct uffdio_move
{
    internal ulong dst;
    internal ulong src;
    internal ulong len;
    internal ulong mode;
    internal long move;
}
