using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>linux/seccomp.h, linux/filter.h, linux/audit.h; seccomp(2), seccomp_unotify(2).</content>
internal static partial class Libc
{
    internal const nint SYS_seccomp = 317;

    internal const int SECCOMP_SET_MODE_STRICT = 0;
    internal const int SECCOMP_SET_MODE_FILTER = 1;
    internal const int SECCOMP_MODE_STRICT = 1;
    internal const int SECCOMP_MODE_FILTER = 2;
    internal const int SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1 << 2;
    internal const int SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3;
    internal const int SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 1 << 5;

    internal const uint SECCOMP_RET_TRAP = 0x30000;
    internal const uint SECCOMP_RET_USER_NOTIF = 0x7fc00000;
    internal const uint SECCOMP_RET_ALLOW = 0x7fff0000;

    internal const nuint SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
    internal const nuint SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
    internal const nuint SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
    internal const nuint SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;
    internal const uint SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;

    internal const uint AUDIT_ARCH_X86_64 = 0xc000003e;

    internal const int PR_GET_SECCOMP = 21;
    internal const int PR_SET_SECCOMP = 22;
    internal const int PR_SET_NO_NEW_PRIVS = 38;

    internal const ushort BPF_LD = 0x00;
    internal const ushort BPF_W = 0x00;
    internal const ushort BPF_ABS = 0x20;
    internal const ushort BPF_JMP = 0x05;
    internal const ushort BPF_JEQ = 0x10;
    internal const ushort BPF_JSET = 0x40;
    internal const ushort BPF_RET = 0x06;
    internal const ushort BPF_K = 0x00;
}

/// <summary>One instruction of a classic BPF program; linux/filter.h, 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct sock_filter
{
    internal ushort code;
    internal byte jt;
    internal byte jf;
    internal uint k;
}

/// <summary>A BPF program; linux/filter.h, 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct sock_fprog
{
    internal ushort len;
    internal sock_filter* filter;
}

/// <summary>What a filter sees of a system call; linux/seccomp.h, 64 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct seccomp_data
{
    internal int nr;
    internal uint arch;
    internal ulong instruction_pointer;
    internal fixed ulong args[6];
}

/// <summary>A system call that waits to be answered; linux/seccomp.h, 80 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct seccomp_notif
{
    internal ulong id;
    internal uint pid;
    internal uint flags;
    internal seccomp_data data;
}

/// <summary>An answer; linux/seccomp.h, 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct seccomp_notif_resp
{
    internal ulong id;
    internal long val;
    internal int error;
    internal uint flags;
}

/// <summary>A descriptor for the caller; linux/seccomp.h, 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct seccomp_notif_addfd
{
    internal ulong id;
    internal uint flags;
    internal uint srcfd;
    internal uint newfd;
    internal uint newfd_flags;
}
