using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Calls;

/// <summary>A program makes memory a guard region: MADV_GUARD_INSTALL, madvise(2), Linux 6.13. The kernel drops what is there and tells no
/// userfaultfd, so what is sealed there would come back when the guard is removed.</summary>
internal sealed class GuardCall : MemoryCall
{
    private const uint RareAdvice = 64; // a bit of it and of few others
    private const int MaxVectors = 1024; // UIO_MAXIOV, include/uapi/linux/uio.h: the kernel refuses more
    private const int VectorBytes = 16;

    private readonly IReadOnlyList<AddressRange> _ranges;

    /// <summary>Notes a call.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="processId">The caller's process: the kernel allows no other's.</param>
    /// <param name="ranges">What becomes a guard region.</param>
    internal GuardCall(SeccompListener listener, WaitingCall call, int processId, IReadOnlyList<AddressRange> ranges)
        : base(listener, call, processId, passes: true) => _ranges = ranges;

    internal override bool WantsAgent => false;

    /// <summary>Lets a filter report such calls, and a few others.</summary>
    internal static void AddTo(FilterProgram filter)
    {
        filter.OnBits(Libc.SYS_madvise, 2, RareAdvice, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(Libc.SYS_process_madvise, 3, RareAdvice, Libc.SECCOMP_RET_USER_NOTIF);
    }

    /// <summary>Tells whether a reported call is madvise, or process_madvise.</summary>
    internal static bool Concerns(long number) => number is Libc.SYS_madvise or Libc.SYS_process_madvise;

    /// <summary>Finds out what would become a guard region. Reads the caller's memory.</summary>
    /// <returns>Nothing if the call does something else, or its vectors cannot be read.</returns>
    internal static IReadOnlyList<AddressRange> RangesOf(WaitingCall call)
    {
        ulong advice = call.Number == Libc.SYS_madvise ? call.C : call.D;
        if (unchecked((uint)advice) != Libc.MADV_GUARD_INSTALL)
        {
            return [];
        }

        return call.Number == Libc.SYS_madvise ? [PagesOf(call.A, call.B)] : VectorsOf(call);
    }

    internal override Errno Serve(AddressSpace space)
    {
        foreach (AddressRange range in _ranges)
        {
            if (!space.TryExpose(range))
            {
                return Errno.EAGAIN;
            }
        }

        return Errno.None;
    }

    // struct iovec: the start and the length, 8 bytes each.
    private static List<AddressRange> VectorsOf(WaitingCall call)
    {
        byte[] vectors = new byte[VectorBytes * (int)Math.Min(call.C, MaxVectors)];
        int length = Math.Max(RemoteMemory.Read(call.ThreadId, call.B, vectors), 0);
        List<AddressRange> ranges = [];
        for (Span<byte> rest = vectors.AsSpan(0, length); rest.Length >= VectorBytes; rest = rest[VectorBytes..])
        {
            ranges.Add(PagesOf(BinaryPrimitives.ReadUInt64LittleEndian(rest), BinaryPrimitives.ReadUInt64LittleEndian(rest[8..])));
        }

        return ranges;
    }

    // The kernel refuses a start within a page, and rounds the length up.
    private static AddressRange PagesOf(ulong start, ulong length)
    {
        const ulong Mask = PageNumber.SizeBytes - 1;
        start &= ~Mask;
        return new(new(start), new(length > ulong.MaxValue - Mask - start ? ~Mask : (start + length + Mask) & ~Mask));
    }
}
