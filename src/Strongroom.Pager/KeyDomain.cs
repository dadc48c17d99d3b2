using Strongroom.Core;
using Strongroom.Crypto;

namespace Strongroom.Pager;

/// <summary>A key and the frames under it, shared by the address spaces that use the key.</summary>
/// <remarks>When the last user lets go, the key is wiped and its frames are dropped: nothing can open them again.</remarks>
internal sealed class KeyDomain
{
    private readonly XtsKey _key;
    private int _users;

    /// <summary>Makes a domain with a fresh random key and one user.</summary>
    internal KeyDomain(KeyId keyId, MemoryAlgorithm algorithm)
    {
        KeyId = keyId;
        _key = XtsKey.Generate(algorithm);
        Frames = new FrameStore(_key);
        _users = 1;
    }

    /// <summary>Gets the KeyID.</summary>
    internal KeyId KeyId { get; }

    /// <summary>Gets the frames.</summary>
    internal FrameStore Frames { get; }

    /// <summary>Gets a value indicating whether the key is destroyed.</summary>
    internal bool IsDestroyed => _users == 0;

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
            _key.Dispose();
            Frames.Dispose();
        }
    }
}
