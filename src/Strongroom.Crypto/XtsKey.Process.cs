using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Threading;
using Strongroom.Crypto.Backends;

namespace Strongroom.Crypto;

/// <content>Encryption and decryption: one unit, a run of units, a scattered batch.</content>
public sealed partial class XtsKey
{
    private const int BlockBytes = 16;
    private const int LargestUnitBytes = BlockBytes << 20; // SP 800-38E: at most 2^20 blocks in a data unit
    private const int UnitsPerChunk = 64;                  // a run's descriptors are made on the stack, 2 KiB at a time

    /// <summary>Encrypts one data unit.</summary>
    /// <param name="source">The plaintext: 16 bytes to 16 MiB, a multiple of 16; any alignment.</param>
    /// <param name="destination">Takes the ciphertext; the same length; the same bytes as the source, or none of
    /// them.</param>
    /// <param name="dataUnitNumber">The number of the data unit (the tweak before it is encrypted), any value.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the buffers overlap in part.</exception>
    /// <exception cref="ObjectDisposedException">The key was disposed, before or during the call.</exception>
    public void Encrypt(ReadOnlySpan<byte> source, Span<byte> destination, UInt128 dataUnitNumber) =>
        ProcessOne(XtsDirection.Encrypt, source, destination, dataUnitNumber);

    /// <summary>Decrypts one data unit.</summary>
    /// <inheritdoc cref="Encrypt(ReadOnlySpan{byte}, Span{byte}, UInt128)"/>
    public void Decrypt(ReadOnlySpan<byte> source, Span<byte> destination, UInt128 dataUnitNumber) =>
        ProcessOne(XtsDirection.Decrypt, source, destination, dataUnitNumber);

    /// <summary>Encrypts consecutive data units that lie one after the other.</summary>
    /// <param name="source">The plaintext: a whole number of units, at least one.</param>
    /// <param name="destination">Takes the ciphertext; the same length; the same bytes as the source, or none of
    /// them.</param>
    /// <param name="unitBytes">Length of a unit: 16 bytes to 16 MiB, a multiple of 16.</param>
    /// <param name="firstDataUnitNumber">Number of the first unit; the next ones count up from it, and wrap at
    /// 2^128.</param>
    /// <exception cref="ArgumentException">A length is wrong, or the buffers overlap in part.</exception>
    /// <exception cref="ObjectDisposedException">The key was disposed, before or during the call.</exception>
    public void EncryptRun(
        ReadOnlySpan<byte> source, Span<byte> destination, int unitBytes, UInt128 firstDataUnitNumber) =>
        ProcessRun(XtsDirection.Encrypt, source, destination, unitBytes, firstDataUnitNumber);

    /// <summary>Decrypts consecutive data units that lie one after the other.</summary>
    /// <inheritdoc cref="EncryptRun"/>
    public void DecryptRun(
        ReadOnlySpan<byte> source, Span<byte> destination, int unitBytes, UInt128 firstDataUnitNumber) =>
        ProcessRun(XtsDirection.Decrypt, source, destination, unitBytes, firstDataUnitNumber);

    /// <summary>Encrypts data units at any places, with any numbers, in the order given.</summary>
    /// <param name="units">The units; may be empty.</param>
    /// <param name="unitBytes">Length of every unit: 16 bytes to 16 MiB, a multiple of 16.</param>
    /// <param name="source">The buffer that source offsets count in.</param>
    /// <param name="destination">The buffer that destination offsets count in; may be the same memory as the
    /// source.</param>
    /// <exception cref="ArgumentException">
    /// The length is wrong, a unit reaches outside its buffer, or a unit's source and destination overlap in part.
    /// Nothing has been processed then.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The key was disposed, before or during the call.</exception>
    public void EncryptBatch(
        ReadOnlySpan<XtsUnit> units, int unitBytes, ReadOnlySpan<byte> source, Span<byte> destination) =>
        ProcessBatch(XtsDirection.Encrypt, units, unitBytes, source, destination);

    /// <summary>Decrypts data units at any places, with any numbers, in the order given.</summary>
    /// <inheritdoc cref="EncryptBatch"/>
    public void DecryptBatch(
        ReadOnlySpan<XtsUnit> units, int unitBytes, ReadOnlySpan<byte> source, Span<byte> destination) =>
        ProcessBatch(XtsDirection.Decrypt, units, unitBytes, source, destination);

    private unsafe void ProcessOne(
        XtsDirection direction, ReadOnlySpan<byte> source, Span<byte> destination, UInt128 dataUnitNumber)
    {
        CheckUnitBytes(source.Length, nameof(source));
        CheckPair(source, destination);
        XtsUnit unit = new(0, 0, dataUnitNumber);
        fixed (byte* from = source, to = destination)
        {
            // SAFETY: both buffers are pinned, hold one unit each, and are the same bytes or share none (checked
            // above).
            XtsCall call =
                new() { Units = &unit, UnitCount = 1, Source = from, Destination = to, UnitBytes = source.Length };
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
            ProcessChunk(direction, &call);
        }

        RefuseOutputIfDisposed(destination);
    }

    private unsafe void ProcessRun(
        XtsDirection direction, ReadOnlySpan<byte> source, Span<byte> destination, int unitBytes, UInt128 first)
    {
        CheckUnitBytes(unitBytes, nameof(unitBytes));
        CheckPair(source, destination);
        if (source.Length % unitBytes != 0)
        {
            throw new ArgumentException(
                $"{source.Length} bytes are not a whole number of units of {unitBytes}.", nameof(source));
        }

        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        XtsUnit* units = stackalloc XtsUnit[UnitsPerChunk];
        int count = source.Length / unitBytes;
        fixed (byte* from = source, to = destination)
        {
            // SAFETY: both buffers are pinned and hold `count` whole units, and are the same bytes or share none.
            XtsCall call = new() { Units = units, Source = from, Destination = to, UnitBytes = unitBytes };
            for (int done = 0; done < count; done += UnitsPerChunk)
            {
                call.UnitCount = Math.Min(UnitsPerChunk, count - done);
                for (int i = 0; i < call.UnitCount; i++)
                {
                    long offset = (long)(done + i) * unitBytes;
                    units[i] = new XtsUnit(offset, offset, unchecked(first + (UInt128)(done + i)));
                }

                ProcessChunk(direction, &call);
            }
        }

        RefuseOutputIfDisposed(destination);
    }

    private unsafe void ProcessBatch(
        XtsDirection direction,
        ReadOnlySpan<XtsUnit> units,
        int unitBytes,
        ReadOnlySpan<byte> source,
        Span<byte> destination)
    {
        CheckUnitBytes(unitBytes, nameof(unitBytes));
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        fixed (byte* from = source, to = destination)
        fixed (XtsUnit* first = units)
        {
            CheckUnits(units, unitBytes, source.Length, destination.Length, (nint)from - (nint)to);

            // SAFETY: all three buffers are pinned; CheckUnits has seen every unit inside its buffers and without a
            // partial overlap, and `units` is memory that no one may change during the call, as for every span.
            XtsCall call = new() { Units = first, UnitCount = units.Length, Source = from, Destination = to };
            call.UnitBytes = unitBytes;
            ProcessChunk(direction, &call);
        }

        if (Volatile.Read(ref _disposed) != 0)
        {
            foreach (ref readonly XtsUnit unit in units)
            {
                CryptographicOperations.ZeroMemory(destination.Slice((int)unit.DestinationOffset, unitBytes));
            }

            throw new ObjectDisposedException(nameof(XtsKey));
        }
    }

    private unsafe void ProcessChunk(XtsDirection direction, XtsCall* call)
    {
        call->Schedule = (byte*)_schedule;
        _backend.Process(Algorithm, direction, call);

        // Orders the reads of the schedule before the second look at _disposed.
        Volatile.ReadBarrier();
    }

    // The other half of Dispose: output made with a wiped or reused schedule must not survive.
    private void RefuseOutputIfDisposed(Span<byte> destination)
    {
        if (Volatile.Read(ref _disposed) != 0)
        {
            CryptographicOperations.ZeroMemory(destination);
            throw new ObjectDisposedException(nameof(XtsKey));
        }
    }

    private static void CheckUnitBytes(int unitBytes, string name)
    {
        if (unitBytes <= 0 || unitBytes > LargestUnitBytes || unitBytes % BlockBytes != 0)
        {
            RefuseUnitBytes(unitBytes, name);
        }
    }

    private static void CheckPair(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        if (source.Length != destination.Length)
        {
            RefuseLength(source.Length, destination.Length, nameof(destination));
        }

        nint distance = Unsafe.ByteOffset(in MemoryMarshal.GetReference(source), in MemoryMarshal.GetReference(destination));
        if (OverlapInPart(distance, source.Length))
        {
            throw new ArgumentException("Source and destination overlap in part.", nameof(destination));
        }
    }

    // Two buffers of the same length, so many bytes from each other.
    private static bool OverlapInPart(long distance, int lengthBytes) =>
        distance != 0 && distance < lengthBytes && distance > -lengthBytes;

    // Apart from the checks, so that these are few instructions where a single page is decrypted.
    private static void RefuseUnitBytes(int unitBytes, string name) => throw new ArgumentException(
        $"A data unit of {unitBytes} bytes is not a multiple of {BlockBytes} from {BlockBytes} to {LargestUnitBytes}.", name);

    private static void RefuseLength(int sourceBytes, int destinationBytes, string name) => throw new ArgumentException(
        $"The destination has {destinationBytes} bytes and the source {sourceBytes}.", name);

    private static void CheckUnits(
        ReadOnlySpan<XtsUnit> units, int unitBytes, int sourceBytes, int destinationBytes, nint sourceMinusDestination)
    {
        long lastSource = sourceBytes - (long)unitBytes;
        long lastDestination = destinationBytes - (long)unitBytes;
        for (int i = 0; i < units.Length; i++)
        {
            ref readonly XtsUnit unit = ref units[i];
            if (unit.SourceOffset < 0 || unit.SourceOffset > lastSource)
            {
                throw new ArgumentException(
                    $"Unit {i} reaches outside the source of {sourceBytes} bytes.", nameof(units));
            }

            if (unit.DestinationOffset < 0 || unit.DestinationOffset > lastDestination)
            {
                throw new ArgumentException(
                    $"Unit {i} reaches outside the destination of {destinationBytes} bytes.", nameof(units));
            }

            // Both addresses are below 2^63, so the distance cannot overflow.
            long distance = sourceMinusDestination + unit.SourceOffset - unit.DestinationOffset;
            if (OverlapInPart(distance, unitBytes))
            {
                throw new ArgumentException($"The source and destination of unit {i} overlap in part.", nameof(units));
            }
        }
    }
}
