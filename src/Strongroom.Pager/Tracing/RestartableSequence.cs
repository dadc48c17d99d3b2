using System;
using System.Buffers.Binary;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>The restartable sequence, rseq(2), in which a thread may have been stopped.</summary>
/// <remarks>
/// The kernel sends a thread that is disturbed inside a sequence to the sequence's abort handler. While calls are made in the thread the
/// kernel finds it outside of any, and forgets the sequence: going on in the middle, it would write to what belongs to the processor that it
/// was on before. So it goes on at the handler, as after any other disturbance. Source: kernel/rseq.c, linux/rseq.h.
/// </remarks>
internal static class RestartableSequence
{
    private const int PointerOffset = 8; // struct rseq { cpu_id_start; cpu_id; rseq_cs; ... }
    private const int DescriptorBytes = 32; // struct rseq_cs { version, flags; start_ip; post_commit_offset; abort_ip }

    /// <summary>Tells where a thread that was stopped in user space goes on after it was disturbed.</summary>
    /// <param name="tid">The thread, stopped.</param>
    /// <param name="rip">Where it was stopped.</param>
    /// <returns>The abort handler of the sequence that it is in, or else <paramref name="rip"/>.</returns>
    internal static ulong AfterDisturbance(int tid, ulong rip)
    {
        ulong area = Tracee.RseqArea(tid);
        using OwnedDescriptor? memory = area == 0 ? null : OwnedDescriptor.TryOpen($"/proc/{tid}/mem", 0, out _);
        Span<byte> bytes = stackalloc byte[DescriptorBytes];
        if (memory is null || memory.ReadAt(bytes[..sizeof(ulong)], unchecked((long)area + PointerOffset)) != sizeof(ulong))
        {
            return rip;
        }

        ulong descriptor = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        if (descriptor == 0 || memory.ReadAt(bytes, unchecked((long)descriptor)) != DescriptorBytes)
        {
            return rip; // in none, or the area is sealed: then it was not used for long
        }

        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        ulong handler = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
        return unchecked(rip - start) < length ? handler : rip;
    }
}
