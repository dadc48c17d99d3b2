using System;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Secrets;

namespace Strongroom.Pager.Calls;

/// <summary>The one key table of a real host: an expanded key in secret memory for each slot in use.</summary>
/// <remarks>Thread safety: <see cref="Find"/> any thread; the rest under the key service's lock.</remarks>
internal sealed class HostKeyTable : IKeyProgrammer, IDisposable
{
    private readonly KeyDomain?[] _domains;
    private readonly FramePool _pool;
    private readonly Action<KeyDomain> _retire;
    private readonly SecretBuffer _raw = SecretBuffer.Allocate(2 * KeyFields.FieldBytes);

    /// <summary>Makes an empty table.</summary>
    /// <param name="keyIdBits">Bits of a KeyID.</param>
    /// <param name="pool">Where memory for frames comes from; only handed on.</param>
    /// <param name="retire">Takes a key that was replaced or cleared to the pager thread; returns at once.</param>
    internal HostKeyTable(int keyIdBits, FramePool pool, Action<KeyDomain> retire)
    {
        _domains = new KeyDomain?[1 << keyIdBits];
        _pool = pool;
        _retire = retire;
    }

    /// <summary>Gets or sets where frames leave their references.</summary>
    internal KeySlotTable? Slots { get; set; }

    /// <summary>Gets what was sealed under each KeyID and algorithm.</summary>
    internal ConcurrentDictionary<(int KeyId, MemoryAlgorithm Algorithm), KeyUse> Uses { get; } = [];

    /// <inheritdoc/>
    public bool IsAvailable => true;

    /// <inheritdoc/>
    public AlgorithmSet ActivatedAlgorithms => AlgorithmSet.AesXts128 | AlgorithmSet.AesXts256;

    /// <inheritdoc/>
    public int TargetCount => 1;

    /// <inheritdoc/>
    public bool IsTopologySafe() => true;

    /// <inheritdoc/>
    public ProgramStatus Program(int target, in KeyProgram program, ReadOnlySpan<byte> fields)
    {
        KeyDomain domain;
        try
        {
            domain = program.Command switch
            {
                KeyCommand.SetKeyDirect => Expand(program, fields, isRandom: false),
                KeyCommand.SetKeyRandom => Expand(program, fields, isRandom: true),
                KeyCommand.NoEncrypt => new(program.KeyId, null, _pool, Slots, KeyDomainKind.NotEncrypted),
                _ => new(program.KeyId, null, _pool, Slots, KeyDomainKind.LikePlatform),
            };
        }
        catch (KernelException)
        {
            return ProgramStatus.DeviceBusy; // no secret memory for another key: add_key fails with ENOKEY, all else goes on
        }

        if (Interlocked.Exchange(ref _domains[program.KeyId.Value], domain) is { } old)
        {
            _retire(old);
        }

        return ProgramStatus.Success;
    }

    /// <summary>Finds what a slot holds; null when it was never programmed.</summary>
    internal KeyDomain? Find(KeyId keyId) => Volatile.Read(ref _domains[keyId.Value]);

    /// <inheritdoc/>
    public void Dispose() => _raw.Dispose();

    private KeyDomain Expand(KeyProgram program, ReadOnlySpan<byte> fields, bool isRandom)
    {
        int bytes = KeyFields.KeyBytes(program.Algorithm);
        Span<byte> raw = _raw.Span[..(2 * bytes)];
        try
        {
            raw.Clear();
            if (isRandom)
            {
                KernelRandom.Fill(raw);
            }

            for (int i = 0; i < bytes; i++)
            {
                raw[i] ^= KeyFields.Data(fields)[i];
                raw[bytes + i] ^= KeyFields.Tweak(fields)[i];
            }

            MemoryAlgorithm algorithm = program.Algorithm.ToMemoryAlgorithm();
            XtsKey key = XtsKey.ImportAsGiven(algorithm, raw);
            KeyUse use = Uses.GetOrAdd((program.KeyId.Value, algorithm), static _ => new());
            use.Keys++;
            return new(program.KeyId, key, _pool, Slots, KeyDomainKind.Encrypted, use);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(raw);
        }
    }
}
