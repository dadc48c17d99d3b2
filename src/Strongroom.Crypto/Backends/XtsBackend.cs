using Strongroom.Core;
using Strongroom.Secrets;

namespace Strongroom.Crypto.Backends;

/// <summary>The direction of a call.</summary>
internal enum XtsDirection
{
    /// <summary>Plaintext to ciphertext.</summary>
    Encrypt,

    /// <summary>Ciphertext to plaintext.</summary>
    Decrypt,
}

/// <summary>One implementation of AES-XTS, for one family of processors.</summary>
/// <remarks>
/// Thread safety: any thread. Allocates: nothing. Backends check no argument; <see cref="XtsKey"/> has done so.
/// </remarks>
internal abstract class XtsBackend
{
    private readonly SecretSlotPool _schedules128;
    private readonly SecretSlotPool _schedules256;

    /// <summary>Makes the empty pools of expanded keys.</summary>
    /// <param name="slotBytes128">Size of an expanded AES-128-XTS key in bytes; a multiple of 64.</param>
    /// <param name="slotBytes256">Size of an expanded AES-256-XTS key in bytes; a multiple of 64.</param>
    protected XtsBackend(int slotBytes128, int slotBytes256)
    {
        _schedules128 = new SecretSlotPool(slotBytes128);
        _schedules256 = new SecretSlotPool(slotBytes256);
    }

    /// <summary>Makes the empty pools for keys laid out as <see cref="ScheduleLayout"/> says.</summary>
    protected XtsBackend()
        : this(
            ScheduleLayout.Of(MemoryAlgorithm.AesXts128).SlotBytes,
            ScheduleLayout.Of(MemoryAlgorithm.AesXts256).SlotBytes)
    {
    }

    /// <summary>Gets the name that STRONGROOM_XTS_BACKEND takes and `strongroom check` prints.</summary>
    internal abstract string Name { get; }

    /// <summary>Gets the pool that expanded keys live in.</summary>
    internal SecretSlotPool PoolOf(MemoryAlgorithm algorithm) =>
        algorithm == MemoryAlgorithm.AesXts128 ? _schedules128 : _schedules256;

    /// <summary>Expands key material into round keys.</summary>
    /// <param name="algorithm">The key's algorithm.</param>
    /// <param name="raw">Key1 and Key2, 32 or 64 bytes, in secret memory.</param>
    /// <param name="schedule">A slot of <see cref="PoolOf"/>, all zeros.</param>
    internal abstract unsafe void Expand(MemoryAlgorithm algorithm, byte* raw, byte* schedule);

    /// <summary>Encrypts or decrypts data units, in order.</summary>
    internal abstract unsafe void Process(MemoryAlgorithm algorithm, XtsDirection direction, XtsCall* call);
}
