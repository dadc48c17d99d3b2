namespace Strongroom.Kernel;

/// <content>linux/stat.h, linux/fcntl.h: statx(2).</content>
internal static partial class Libc
{
    internal const int AT_FDCWD = -100;
    internal const uint STATX_INO = 0x100;
    internal const uint STATX_SIZE = 0x200;
}

/// <summary>What is asked of a file; linux/stat.h, 256 bytes. Its times and what comes behind the device are not read.</summary>
[System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential)]
internal unsafe struct statx
{
    internal uint stx_mask;
    internal uint stx_blksize;
    internal ulong stx_attributes;
    internal uint stx_nlink;
    internal uint stx_uid;
    internal uint stx_gid;
    internal ushort stx_mode;
    internal ushort padding;
    internal ulong stx_ino;
    internal ulong stx_size;
    internal fixed ulong reserved1[11];
    internal uint stx_dev_major;
    internal uint stx_dev_minor;
    internal fixed ulong reserved2[14];
}
