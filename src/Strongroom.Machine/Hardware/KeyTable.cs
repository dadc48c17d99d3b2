using System;

namespace Strongroom.Machine.Hardware;

/// <summary>What a KeyID means to a memory controller.</summary>
internal enum KeyMode : byte
{
    /// <summary>Same as KeyID 0: the platform's TME key. The state after reset and after CLEAR_KEY.</summary>
    Platform,

    /// <summary>A key of its own, after SET_KEY_DIRECT or SET_KEY_RANDOM.</summary>
    OwnKey,

    /// <summary>Memory in the clear, after NO_ENCRYPT.</summary>
    NoEncryption,
}

/// <summary>The key table of one package's memory controller.</summary>
/// <remarks>Invariant: a slot has a cipher exactly when its mode is <see cref="KeyMode.OwnKey"/>. Thread safety:
/// none.</remarks>
internal sealed class KeyTable : IDisposable
{
    private readonly KeyMode[] _modes;
    private readonly ILineCipher?[] _ciphers;

    /// <summary>Makes a table in which every KeyID means the TME key.</summary>
    /// <param name="keyIdCount">KeyIDs beside KeyID 0.</param>
    /// <param name="platform">The TME key, or null when KeyID 0 bypasses encryption; the table disposes it.</param>
    internal KeyTable(int keyIdCount, ILineCipher? platform)
    {
        _modes = new KeyMode[keyIdCount + 1];
        _ciphers = new ILineCipher?[keyIdCount + 1];
        _ciphers[0] = platform;
    }

    /// <summary>Gets the number of KeyIDs beside KeyID 0.</summary>
    internal int KeyIdCount => _modes.Length - 1;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ILineCipher? cipher in _ciphers)
        {
            cipher?.Dispose();
        }
    }

    /// <summary>Gets what a KeyID means now.</summary>
    internal KeyMode Mode(int keyId) => _modes[keyId];

    /// <summary>Finds the cipher of a KeyID.</summary>
    /// <returns>Null when memory under it is in the clear.</returns>
    internal ILineCipher? Find(int keyId)
    {
        if (keyId >= _modes.Length)
        {
            return _ciphers[0];
        }

        return _modes[keyId] switch
        {
            KeyMode.Platform => _ciphers[0],
            KeyMode.NoEncryption => null,
            _ => _ciphers[keyId],
        };
    }

    /// <summary>Takes the TME key out, so that it outlives the table.</summary>
    /// <returns>The key, the caller's from here on; null when KeyID 0 bypasses encryption.</returns>
    internal ILineCipher? TakePlatformKey()
    {
        ILineCipher? platform = _ciphers[0];
        _ciphers[0] = null;
        return platform;
    }

    /// <summary>Gives a KeyID a meaning, in one step.</summary>
    /// <param name="keyId">1 to <see cref="KeyIdCount"/>.</param>
    /// <param name="mode">The meaning.</param>
    /// <param name="cipher">Its key when it has one of its own; owned by the table from here on.</param>
    internal void Set(int keyId, KeyMode mode, ILineCipher? cipher)
    {
        _ciphers[keyId]?.Dispose();
        _ciphers[keyId] = cipher;
        _modes[keyId] = mode;
    }
}
