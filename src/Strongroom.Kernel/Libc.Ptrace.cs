using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>linux/ptrace.h, sys/wait.h, sys/user.h.</content>
internal static partial class Libc
{
    internal const int PTRACE_TRACEME = 0;
    internal const int PTRACE_CONT = 7;
    internal const int PTRACE_SINGLESTEP = 9;
    internal const int PTRACE_GETREGS = 12;
    internal const int PTRACE_SETREGS = 13;
    internal const int PTRACE_ATTACH = 16;
    internal const int PTRACE_SYSCALL = 24;
    internal const int PTRACE_GETEVENTMSG = 0x4201;
    internal const int PTRACE_SEIZE = 0x4206;
    internal const int PTRACE_INTERRUPT = 0x4207;
    internal const int PTRACE_LISTEN = 0x4208;
    internal const int PTRACE_GETSIGMASK = 0x420a;
    internal const int PTRACE_SETSIGMASK = 0x420b;
    internal const int PTRACE_SECCOMP_GET_FILTER = 0x420c;
    internal const int PTRACE_GET_RSEQ_CONFIGURATION = 0x420f;
    internal const int PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG = 0x4210;
    internal const int PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211;

    internal const int PTRACE_O_TRACESYSGOOD = 1;
    internal const int PTRACE_O_TRACEFORK = 1 << 1;
    internal const int PTRACE_O_TRACEVFORK = 1 << 2;
    internal const int PTRACE_O_TRACECLONE = 1 << 3;
    internal const int PTRACE_O_TRACEEXEC = 1 << 4;
    internal const int PTRACE_O_EXITKILL = 1 << 20;

    internal const int PTRACE_EVENT_FORK = 1;
    internal const int PTRACE_EVENT_VFORK = 2;
    internal const int PTRACE_EVENT_CLONE = 3;
    internal const int PTRACE_EVENT_EXEC = 4;
    internal const int PTRACE_EVENT_STOP = 128;

    internal const int WNOHANG = 1;
    internal const int __WALL = 0x40000000;

    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial long ptrace(int request, int pid, void* address, void* data);

    [LibraryImport("libc", SetLastError = true)]
    internal static unsafe partial int waitpid(int pid, int* status, int options);
}

/// <summary>Where a thread has its area for restartable sequences, rseq(2); linux/ptrace.h, 24 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ptrace_rseq_configuration
{
    internal ulong rseq_abi_pointer; // 0: nowhere
    internal uint rseq_abi_size;
    internal uint signature;
    internal uint flags;
    internal uint pad;
}

/// <summary>Which of a thread's system calls come to it as SIGSYS, prctl(PR_SET_SYSCALL_USER_DISPATCH); linux/ptrace.h, 32 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ptrace_sud_config
{
    internal ulong mode; // 0: none, and then the others are 0 too
    internal ulong selector;
    internal ulong offset;
    internal ulong len;
}

/// <summary>The general registers of a stopped x86-64 tracee; sys/user.h, 216 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct user_regs_struct
{
    internal ulong r15;
    internal ulong r14;
    internal ulong r13;
    internal ulong r12;
    internal ulong rbp;
    internal ulong rbx;
    internal ulong r11;
    internal ulong r10;
    internal ulong r9;
    internal ulong r8;
    internal ulong rax;
    internal ulong rcx;
    internal ulong rdx;
    internal ulong rsi;
    internal ulong rdi;
    internal ulong orig_rax;
    internal ulong rip;
    internal ulong cs;
    internal ulong eflags;
    internal ulong rsp;
    internal ulong ss;
    internal ulong fs_base;
    internal ulong gs_base;
    internal ulong ds;
    internal ulong es;
    internal ulong fs;
    internal ulong gs;
}
