using System;
using System.Security.Cryptography;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;

namespace Strongroom.Pager;

/// <summary>A file of secret memory that owns a key: the driver form of the proposal. Its pages are off the kernel's direct map at all
/// times, and ciphertext in frames of the pager while nobody uses them.</summary>
/// <remarks>
/// <code>
///   Open     the pages hold the program's data; whoever maps the file reads and writes them
///   Sealed   frames hold it; the pages are zero, and every mapping in the tree is a stand-in whose first fault opens the file
/// </code>
/// The file is sealed and opened as a whole. It counts as one VMA of its key, each sealed page as one page. Guarded by: only the pager
/// thread touches it, but for the making and <see cref="Memory"/>'s identity.
/// </remarks>
internal sealed class KeyedFile : IDisposable
{
    private const int None = -1;
    private const int LongestRest = 8;

    private readonly KeySlotTable? _slots;
    private KeyDomain? _domain;
    private int[] _frames = [];
    private int _rest = 1;

    /// <summary>Makes a file without a key.</summary>
    /// <param name="memory">Its memory, owned from here on.</param>
    /// <param name="slots">Where it leaves its reference.</param>
    internal KeyedFile(SecretFile memory, KeySlotTable? slots)
    {
        Memory = memory;
        _slots = slots;
    }

    /// <summary>Gets the memory.</summary>
    internal SecretFile Memory { get; }

    /// <summary>Gets a value indicating whether it can be mapped: not what secretmemfd makes without a mode. Immutable.</summary>
    internal bool IsMappable { get; init; } = true;

    /// <summary>Gets the key; null for none.</summary>
    internal KeyDomain? Domain => _domain;

    /// <summary>Gets a value indicating whether it is sealed.</summary>
    internal bool IsSealed { get; private set; }

    /// <summary>Gets or sets how many calls to mmap it are under way. They must find it open.</summary>
    internal int PendingMaps { get; set; }

    /// <summary>Gets or sets the tick of its last use that is known.</summary>
    internal int UsedAtTick { get; set; }

    /// <summary>Gets or sets for how many looks in turn nobody was found who has it.</summary>
    internal int LooksUnseen { get; set; }

    /// <summary>Gives it a key.</summary>
    /// <returns>EBUSY: it has one already, or a size.</returns>
    internal Errno SetKey(KeyDomain domain)
    {
        if (_domain is not null || Memory.SizeBytes() != 0)
        {
            return Errno.EBUSY;
        }

        _domain = domain.Share();
        _slots?.AddVma(domain.KeyId);
        return Errno.None;
    }

    /// <summary>Tells whether it was left alone for long enough to be sealed.</summary>
    internal bool IsIdle(int tick, int idleTicks) =>
        _domain is { Kind: KeyDomainKind.Encrypted, IsErased: false } && !IsSealed && PendingMaps == 0
        && tick - UsedAtTick > idleTicks * _rest;

    /// <summary>Encrypts its pages into frames and empties them. Nobody maps it.</summary>
    /// <returns>The pages encrypted; negative when it cannot be sealed, and is as before.</returns>
    internal long Seal(int tick)
    {
        if (!Memory.TryMap() || !Memory.TryLook())
        {
            return None;
        }

        Array.Resize(ref _frames, Memory.PageCount);
        Array.Fill(_frames, None);
        IsSealed = true;
        long count = 0;
        try
        {
            for (int i = 0; i < _frames.Length; i++)
            {
                if (Memory.IsThere(i) && Memory.Page(i).ContainsAnyExcept((byte)0))
                {
                    _frames[i] = _domain!.Seal(Memory.Page(i));
                    CryptographicOperations.ZeroMemory(Memory.Page(i));
                    count++;
                }
            }
        }
        catch (KernelException)
        {
            _ = Open(tick); // no memory for frames
            return None;
        }

        UsedAtTick = tick;
        return count;
    }

    /// <summary>Decrypts its pages, if it is sealed.</summary>
    /// <returns>The pages decrypted; negative when its key was destroyed.</returns>
    internal long Open(int tick)
    {
        long count = 0;
        for (int i = 0; IsSealed && i < _frames.Length; i++)
        {
            if (_frames[i] == None)
            {
                continue;
            }

            if (_domain!.IsErased)
            {
                return None;
            }

            _domain.Frames.Open(_frames[i], Memory.Page(i));
            _domain.Release(_frames[i]);
            _frames[i] = None;
            count++;
        }

        if (IsSealed)
        {
            // Missed soon: the next time it is given longer.
            _rest = tick - UsedAtTick <= _rest * 2 ? Math.Min(_rest * 2, LongestRest) : 1;
        }

        IsSealed = false;
        UsedAtTick = tick;
        return count;
    }

    /// <summary>Lets go of the key and of the memory, which stays as it is for whoever else has it.</summary>
    public void Dispose()
    {
        _ = Open(UsedAtTick); // an erased key's data is gone
        if (_domain is { } domain)
        {
            _domain = null;
            domain.Release();
            _slots?.DropVma(domain.KeyId);
        }

        Memory.Dispose();
    }
}
