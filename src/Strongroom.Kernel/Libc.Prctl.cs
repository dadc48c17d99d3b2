using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <content>linux/prctl.h; prctl(2).</content>
internal static partial class Libc
{
    internal const int PR_SET_PDEATHSIG = 1;
    internal const int PR_SET_NAME = 15;
    internal const int PR_GET_SECCOMP = 21;
    internal const int PR_SET_SECCOMP = 22;
    internal const int PR_SET_MM = 35;
    internal const int PR_SET_MM_ARG_START = 8;
    internal const int PR_SET_MM_ARG_END = 9;
    internal const int PR_SET_MM_MAP = 14;
    internal const int PR_SET_NO_NEW_PRIVS = 38;
    internal const int PR_SET_VMA = 0x53564d41;
    internal const int PR_SET_VMA_ANON_NAME = 0;
}

/// <summary>Where the parts of a program lie, for PR_SET_MM_MAP; linux/prctl.h, 104 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct prctl_mm_map
{
    internal ulong start_code;
    internal ulong end_code;
    internal ulong start_data;
    internal ulong end_data;
    internal ulong start_brk;
    internal ulong brk;
    internal ulong start_stack;
    internal ulong arg_start;
    internal ulong arg_end;
    internal ulong env_start;
    internal ulong env_end;
    internal ulong auxv; // 0, and no bytes: left as it is
    internal uint auxv_size;
    internal uint exe_fd; // all ones: left as it is

    /// <summary>The bytes that it takes.</summary>
    internal const int SizeBytes = 104;

    /// <summary>Writes it as it lies in memory.</summary>
    /// <param name="bytes"><see cref="SizeBytes"/> of them.</param>
    internal readonly void Write(Span<byte> bytes) => MemoryMarshal.Write(bytes, this);
}
