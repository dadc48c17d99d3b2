using System;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Keys;

namespace Strongroom.Pager;

/// <summary>What becomes of a page under a key when it is sealed.</summary>
internal enum KeyDomainKind
{
    /// <summary>It is encrypted under the key.</summary>
    Encrypted,

    /// <summary>The key is one of type clear: the page is treated like memory without a key of its own.</summary>
    LikePlatform,

    /// <summary>The key is one of type no-encrypt: the page is left in clear.</summary>
    NotEncrypted,
}

/// <summary>What was sealed under the keys of one KeyID and algorithm, one after the other.</summary>
internal sealed class KeyUse
{
    /// <summary>Gets or sets how many keys there were. Under the key service's lock.</summary>
    internal int Keys { get; set; }

    /// <summary>Gets or sets the pages sealed. Pager thread only.</summary>
    internal long PagesSealed { get; set; }
}

/// <summary>A key and the frames under it, shared by the address spaces that use the key.</summary>
/// <remarks>
/// When the last user lets go, the key is wiped and its frames are dropped: nothing can open them again. Guarded by: only the pager
/// thread touches it, but for the making.
/// </remarks>
internal sealed class KeyDomain
{
    private readonly XtsKey? _key;
    private readonly KeySlotTable? _slots;
    private readonly FrameStore? _frames;
    private readonly KeyUse? _use;
    private int _users;

    /// <summary>Makes a domain with a fresh random key and one user.</summary>
    internal KeyDomain(KeyId keyId, MemoryAlgorithm algorithm, FramePool pool)
        : this(keyId, XtsKey.Generate(algorithm), pool, null, KeyDomainKind.Encrypted)
    {
    }

    /// <summary>Makes the domain of a program's own key, with one user.</summary>
    /// <param name="keyId">The slot.</param>
    /// <param name="key">The key, owned from here on; null for a kind that has none.</param>
    /// <param name="pool">Where memory for frames comes from.</param>
    /// <param name="slots">Where its frames leave their references.</param>
    /// <param name="kind">What becomes of pages.</param>
    /// <param name="use">Where sealed pages are counted for the report, or null.</param>
    internal KeyDomain(KeyId keyId, XtsKey? key, FramePool pool, KeySlotTable? slots, KeyDomainKind kind, KeyUse? use = null)
    {
        _use = use;
        KeyId = keyId;
        Kind = kind;
        _key = key;
        _slots = slots;
        _frames = key is null ? null : new FrameStore(key, pool);
        _users = 1;
    }

    /// <summary>Gets the KeyID.</summary>
    internal KeyId KeyId { get; }

    /// <summary>Gets what becomes of pages.</summary>
    internal KeyDomainKind Kind { get; }

    /// <summary>Gets the frames.</summary>
    internal FrameStore Frames => _frames ?? throw new InvalidOperationException("A key without encryption has no frames.");

    /// <summary>Gets a value indicating whether the key is destroyed.</summary>
    internal bool IsDestroyed => _users == 0 || IsErased;

    /// <summary>Gets a value indicating whether the key was destroyed although memory under it is still mapped.</summary>
    internal bool IsErased { get; private set; }

    /// <summary>Gets the bytes of ciphertext under the key.</summary>
    internal long SealedBytes => IsDestroyed || _frames is null ? 0 : _frames.UsedFrames << PageNumber.Shift;

    /// <summary>Encrypts a page; see <see cref="FrameStore.Seal"/>.</summary>
    internal int Seal(ReadOnlySpan<byte> plaintext)
    {
        int frame = Frames.Seal(plaintext);
        _slots?.AddPages(KeyId);
        if (_use is not null)
        {
            _use.PagesSealed++;
        }

        return frame;
    }

    /// <summary>Drops a reference to a frame.</summary>
    internal void Release(int frame)
    {
        if (!IsErased && Frames.Release(frame))
        {
            _slots?.DropPages(KeyId);
        }
    }

    /// <summary>Adds a user.</summary>
    internal KeyDomain Share()
    {
        _users++;
        return this;
    }

    /// <summary>Drops a user; with the last, the key and the frames.</summary>
    internal void Release()
    {
        if (--_users == 0)
        {
            Wipe();
        }
    }

    /// <summary>Drops the key table's use of the key. Memory that is still mapped under it has lost its contents.</summary>
    internal void Retire()
    {
        if (_users > 1)
        {
            long frames = _frames?.UsedFrames ?? 0;
            Wipe();
            IsErased = true;
            if (frames > 0)
            {
                _slots?.DropPages(KeyId, frames);
            }
        }

        Release();
    }

    private void Wipe()
    {
        if (!IsErased)
        {
            _key?.Dispose();
            _frames?.Dispose();
        }
    }
}
