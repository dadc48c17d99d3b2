using System;
using System.Security.Cryptography;

namespace Strongroom.Keys;

/// <summary>Fills a span with random bytes.</summary>
/// <param name="destination">Receives the bytes; in secret memory.</param>
public delegate void RandomFiller(Span<byte> destination);

/// <summary>What a key service is made with.</summary>
public sealed class KeyServiceOptions
{
    /// <summary>Gets whose rules apply.</summary>
    public KeyApiVersion Api { get; init; } = KeyApiVersion.Union;

    /// <summary>Gets the number of KeyID bits, 1 to 16: 2^bits - 1 keys at a time. The first hardware had 6.</summary>
    public int KeyIdBits { get; init; } = 15;

    /// <summary>Gets how long a revoked or expired key stays linked before it is destroyed;
    /// /proc/sys/kernel/keys/gc_delay, five minutes by default.</summary>
    public TimeSpan GarbageDelay { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets a value indicating whether making a key needs CAP_SYS_RESOURCE or CAP_SYS_ADMIN, as the series
    /// asks.</summary>
    public bool IsCapabilityRequired { get; init; } = true;

    /// <summary>Gets the clock of timeouts and of garbage collection.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Gets where the material of user-type keys is kept for targets that appear later; null to keep
    /// nothing.</summary>
    public IKeyFieldStore? FieldStore { get; init; }

    /// <summary>Gets the source of the random bytes that are stirred into keys of type cpu.</summary>
    public RandomFiller FillRandom { get; init; } = RandomNumberGenerator.Fill;

    /// <summary>Gets what is told when a slot could not be programmed: the command and the result that ended
    /// it.</summary>
    /// <remarks>Called with the service's lock held; it must not call back.</remarks>
    public Action<KeyProgram, ProgramStatus>? ProgrammingFailed { get; init; }
}
