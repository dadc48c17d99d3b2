using System;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>Keeps a key from being destroyed while a call uses it. Dispose it exactly once.</summary>
/// <remarks>Without it a key could go, and its slot be given to another key, between looking it up and taking a
/// reference for a VMA. The series holds the key's reference over the whole of encrypt_mprotect for that
/// reason.</remarks>
public readonly struct KeyHold : IDisposable
{
    private readonly KeyService? _service;
    private readonly MemoryKey? _key;

    internal KeyHold(KeyService service, MemoryKey key)
    {
        _service = service;
        _key = key;
        KeyId = key.KeyId;
    }

    /// <summary>Gets the slot; KeyID 0 when the serial names no memory key, or one that has lost its slot.</summary>
    public KeyId KeyId { get; }

    /// <summary>Lets the key go.</summary>
    public void Dispose()
    {
        if (_key is not null)
        {
            _service!.Release(_key);
        }
    }
}
