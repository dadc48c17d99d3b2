using System;
using System.Security.Cryptography;
using System.Threading;
using Strongroom.Core;
using Strongroom.Crypto.Backends;
using Strongroom.Kernel;
using Strongroom.Secrets;

namespace Strongroom.Crypto;

/// <summary>An AES-XTS key (IEEE 1619, NIST SP 800-38E), expanded once into secret memory.</summary>
/// <remarks>
/// Thread safety: any number of threads may encrypt and decrypt at once. A call that is caught by <see cref="Dispose"/>
/// on another thread wipes its output and throws. Allocates: nothing per call. Zeroizes: on <see cref="Dispose"/>, or,
/// for a key that was forgotten, never before the process ends; so dispose it.
/// </remarks>
public sealed partial class XtsKey : IDisposable
{
    private const int EINTR = 4;

    private static readonly SecretSlotPool s_rawKeys = new(64);

    private readonly XtsBackend _backend; // immutable; the one that wrote the schedule
    private readonly nint _schedule;      // immutable; its bytes are those of this key until _disposed is set
    private int _disposed;                // atomic; 0, then 1 for good

    private unsafe XtsKey(MemoryAlgorithm algorithm, XtsBackend backend, byte* raw)
    {
        Algorithm = algorithm;
        _backend = backend;
        _schedule = backend.PoolOf(algorithm).Allocate(out SecretProtection protection);
        Protection = protection;

        // SAFETY: the slot has the size that this backend asked for, and `raw` holds MaterialBytes bytes.
        backend.Expand(algorithm, raw, (byte*)_schedule);
    }

    /// <summary>Gets the algorithm.</summary>
    public MemoryAlgorithm Algorithm { get; }

    /// <summary>Gets the protection of the memory that holds the round keys.</summary>
    public SecretProtection Protection { get; }

    /// <summary>Gets the address of the expanded key, for the tests that look for copies of it.</summary>
    internal nint ScheduleAddress => _schedule;

    /// <summary>Gets the number of bytes of key material that an algorithm takes: 32 or 64.</summary>
    public static int MaterialBytes(MemoryAlgorithm algorithm) => 2 * ScheduleLayout.Of(algorithm).KeyBytes;

    /// <summary>Makes a key from the kernel's random generator; the material never leaves secret memory.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <exception cref="KernelException">No secret memory (RLIMIT_MEMLOCK), or getrandom(2) failed.</exception>
    /// <exception cref="CryptographicException">The generator returned two equal halves: it is broken.</exception>
    public static XtsKey Generate(MemoryAlgorithm algorithm) => Generate(algorithm, XtsBackends.Chosen);

    /// <summary>Makes a key from given material. The caller keeps and wipes its own copy.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="raw">Key1 (data) and Key2 (tweak), one after the other: exactly <see cref="MaterialBytes"/>
    /// bytes.</param>
    /// <exception cref="ArgumentException">The length is wrong, or the halves are equal (SP 800-38E by way of FIPS 140
    /// IG C.I).</exception>
    /// <exception cref="KernelException">No secret memory (RLIMIT_MEMLOCK).</exception>
    public static XtsKey Import(MemoryAlgorithm algorithm, ReadOnlySpan<byte> raw) =>
        Import(algorithm, raw, XtsBackends.Chosen);

    /// <summary>Makes a key from given material as it is, also with equal halves, which the hardware of MKTME takes and its programs
    /// give. The caller keeps and wipes its own copy.</summary>
    /// <param name="algorithm">The algorithm.</param>
    /// <param name="raw">As for <see cref="Import(MemoryAlgorithm, ReadOnlySpan{byte})"/>.</param>
    /// <exception cref="ArgumentException">The length is wrong.</exception>
    /// <exception cref="KernelException">No secret memory (RLIMIT_MEMLOCK).</exception>
    public static unsafe XtsKey ImportAsGiven(MemoryAlgorithm algorithm, ReadOnlySpan<byte> raw)
    {
        if (raw.Length != MaterialBytes(algorithm))
        {
            throw new ArgumentException($"The key material has {raw.Length} bytes; {algorithm} takes another number.", nameof(raw));
        }

        fixed (byte* p = raw)
        {
            // SAFETY: `p` holds the bytes of a key, pinned while they are read.
            return new XtsKey(algorithm, XtsBackends.Chosen, p);
        }
    }

    /// <summary>Makes a key from material in secret memory. The caller keeps and disposes its own copy.</summary>
    /// <inheritdoc cref="Import(MemoryAlgorithm, ReadOnlySpan{byte})"/>
    public static XtsKey Import(MemoryAlgorithm algorithm, SecretBuffer raw)
    {
        ArgumentNullException.ThrowIfNull(raw);
        return Import(algorithm, raw.Span);
    }

    /// <summary>Wipes the round keys. Calls that run on other threads end with an exception.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            // The exchange is a full fence: whoever reads a wiped or reused slot afterwards also sees _disposed.
            _backend.PoolOf(Algorithm).Free(_schedule);
        }
    }

    /// <summary>Returns the type's name, never contents.</summary>
    public override string ToString() => nameof(XtsKey);

    /// <summary>Makes a random key for a given backend.</summary>
    internal static unsafe XtsKey Generate(MemoryAlgorithm algorithm, XtsBackend backend)
    {
        int length = MaterialBytes(algorithm);
        nint slot = s_rawKeys.Allocate(out _);
        try
        {
            KernelRandom.Fill(new Span<byte>((byte*)slot, length));
            return EqualHalves((byte*)slot, length)
                ? throw new CryptographicException("getrandom(2) returned two equal halves of a key.")
                : new XtsKey(algorithm, backend, (byte*)slot);
        }
        finally
        {
            s_rawKeys.Free(slot);
        }
    }

    /// <summary>Imports a key for a given backend.</summary>
    internal static unsafe XtsKey Import(MemoryAlgorithm algorithm, ReadOnlySpan<byte> raw, XtsBackend backend)
    {
        int length = MaterialBytes(algorithm);
        if (raw.Length != length)
        {
            throw new ArgumentException(
                $"The key material has {raw.Length} bytes; {algorithm} takes {length}.", nameof(raw));
        }

        fixed (byte* p = raw)
        {
            // SAFETY: `p` holds `length` bytes, pinned while they are read.
            return EqualHalves(p, length)
                ? throw new ArgumentException(
                    "The two halves of the key are equal; XTS needs two different keys.", nameof(raw))
                : new XtsKey(algorithm, backend, p);
        }
    }

    private static unsafe bool EqualHalves(byte* raw, int length) => CryptographicOperations.FixedTimeEquals(
        new ReadOnlySpan<byte>(raw, length / 2), new ReadOnlySpan<byte>(raw + (length / 2), length / 2));
}
