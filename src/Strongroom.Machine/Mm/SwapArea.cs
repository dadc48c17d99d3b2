using System;
using Strongroom.Core;
using Strongroom.Crypto;

namespace Strongroom.Machine.Mm;

/// <summary>The swap device: pages that left memory, as an attacker who has the disk would find them.</summary>
/// <remarks>Under <see cref="SwapRule.Plaintext"/> a page that was ciphertext in DRAM is plaintext here. Thread
/// safety: none.</remarks>
internal sealed class SwapArea : IDisposable
{
    private const int PageBytes = 4096;

    private readonly byte[] _stored;
    private readonly int[] _references;
    private readonly XtsKey? _key;

    /// <summary>Makes an empty area.</summary>
    internal SwapArea(int pages, SwapRule rule)
    {
        _stored = new byte[pages * PageBytes];
        _references = new int[pages];
        _key = rule == SwapRule.Encrypted ? XtsKey.Generate(MemoryAlgorithm.AesXts256) : null;
    }

    /// <summary>Gets the number of slots in use.</summary>
    internal int Used
    {
        get
        {
            int used = 0;
            foreach (int references in _references)
            {
                used += references > 0 ? 1 : 0;
            }

            return used;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _key?.Dispose();

    /// <summary>Stores a page.</summary>
    /// <returns>The slot, with one reference; or -1 when the area is full.</returns>
    internal int Write(ReadOnlySpan<byte> page)
    {
        int slot = Array.IndexOf(_references, 0);
        if (slot < 0)
        {
            return -1;
        }

        _references[slot] = 1;
        Span<byte> stored = _stored.AsSpan(slot * PageBytes, PageBytes);
        if (_key is null)
        {
            page.CopyTo(stored);
        }
        else
        {
            _key.Encrypt(page, stored, (UInt128)slot);
        }

        return slot;
    }

    /// <summary>Reads a page back.</summary>
    internal void Read(int slot, Span<byte> page)
    {
        ReadOnlySpan<byte> stored = _stored.AsSpan(slot * PageBytes, PageBytes);
        if (_key is null)
        {
            stored.CopyTo(page);
        }
        else
        {
            _key.Decrypt(stored, page, (UInt128)slot);
        }
    }

    /// <summary>Takes a reference to a slot.</summary>
    internal void Get(int slot) => _references[slot]++;

    /// <summary>Drops a reference to a slot. The bytes stay until the slot is written again, as on a disk.</summary>
    internal void Put(int slot) => _references[slot]--;

    /// <summary>Reads the device as an attacker does.</summary>
    internal ReadOnlySpan<byte> Dump(int slot) => _stored.AsSpan(slot * PageBytes, PageBytes);
}
