using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>linux/seccomp.h, linux/filter.h, linux/audit.h; seccomp(2), seccomp_unotify(2).</content>
internal static partial class Libc
{
    internal const int SECCOMP_SET_MODE_STRICT = 0;
    internal const int SECCOMP_SET_MODE_FILTER = 1;
    internal const int SECCOMP_MODE_STRICT = 1;
    internal const int SECCOMP_MODE_FILTER = 2;
    internal const int SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1 << 2;
    internal const int SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3;
    internal const int SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 1 << 5;

    internal const uint SECCOMP_RET_ACTION_FULL = 0xffff0000;
    internal const uint SECCOMP_RET_TRAP = 0x30000;
    internal const uint SECCOMP_RET_ERRNO = 0x50000;
    internal const uint SECCOMP_RET_LOG = 0x7ffc0000;
    internal const uint SECCOMP_RET_USER_NOTIF = 0x7fc00000;
    internal const uint SECCOMP_RET_ALLOW = 0x7fff0000;

    internal const nuint SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
    internal const nuint SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
    internal const nuint SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
    internal const nuint SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;
    internal const uint SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;

    internal const uint AUDIT_ARCH_X86_64 = 0xc000003e;

    internal const ushort BPF_LD = 0x00;
    internal const ushort BPF_LDX = 0x01;
    internal const ushort BPF_ST = 0x02;
    internal const ushort BPF_STX = 0x03;
    internal const ushort BPF_ALU = 0x04;
    internal const ushort BPF_JMP = 0x05;
    internal const ushort BPF_RET = 0x06;
    internal const ushort BPF_W = 0x00;
    internal const ushort BPF_ABS = 0x20;
    internal const ushort BPF_MEM = 0x60;
    internal const ushort BPF_LEN = 0x80;
    internal const ushort BPF_ADD = 0x00;
    internal const ushort BPF_SUB = 0x10;
    internal const ushort BPF_MUL = 0x20;
    internal const ushort BPF_DIV = 0x30;
    internal const ushort BPF_OR = 0x40;
    internal const ushort BPF_AND = 0x50;
    internal const ushort BPF_LSH = 0x60;
    internal const ushort BPF_RSH = 0x70;
    internal const ushort BPF_XOR = 0xa0;
    internal const ushort BPF_JA = 0x00;
    internal const ushort BPF_JEQ = 0x10;
    internal const ushort BPF_JGT = 0x20;
    internal const ushort BPF_JGE = 0x30;
    internal const ushort BPF_JSET = 0x40;
    internal const ushort BPF_K = 0x00;
    internal const ushort BPF_X = 0x08;
    internal const ushort BPF_A = 0x10;
    internal const ushort BPF_TXA = 0x80;
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
