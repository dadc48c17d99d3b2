using System;
using Strongroom.Core;

namespace Strongroom.Memory;

/// <summary>Everything about a VMA but its place.</summary>
public readonly struct VmaAttributes : IEquatable<VmaAttributes>
{
    private readonly VmaBacking? _backing;

    /// <summary>Describes a mapping.</summary>
    /// <param name="protection">What a program may do.</param>
    /// <param name="maxProtection">What mprotect may allow it (VM_MAYREAD and its kin).</param>
    /// <param name="traits">The rest.</param>
    /// <param name="keyId">The KeyID; other than 0 only where the backing can carry one.</param>
    /// <param name="backing">What is mapped.</param>
    public VmaAttributes(
        Protection protection,
        Protection maxProtection = Protection.All,
        VmaTraits traits = VmaTraits.None,
        KeyId keyId = default,
        VmaBacking? backing = null)
    {
        if (!keyId.IsPlatform && backing is { CanCarryKey: false })
        {
            throw new ArgumentException($"KeyID {keyId} on {backing}: such memory cannot carry a key.", nameof(keyId));
        }

        Protection = protection;
        MaxProtection = maxProtection;
        Traits = traits;
        KeyId = keyId;
        _backing = backing;
    }

    /// <summary>Gets what a program may do.</summary>
    public Protection Protection { get; }

    /// <summary>Gets what mprotect may allow.</summary>
    public Protection MaxProtection { get; }

    /// <summary>Gets the traits.</summary>
    public VmaTraits Traits { get; }

    /// <summary>Gets the KeyID.</summary>
    public KeyId KeyId { get; }

    /// <summary>Gets what is mapped.</summary>
    public VmaBacking Backing => _backing ?? VmaBacking.Anonymous;

    /// <summary>Tells whether two are equal, which adjacent VMAs must be to be one.</summary>
    public static bool operator ==(VmaAttributes left, VmaAttributes right) => left.Equals(right);

    /// <summary>Tells whether two differ.</summary>
    public static bool operator !=(VmaAttributes left, VmaAttributes right) => !left.Equals(right);

    /// <summary>Gets the same with another protection.</summary>
    public VmaAttributes WithProtection(Protection protection) =>
        new(protection, MaxProtection, Traits, KeyId, _backing);

    /// <summary>Gets the same with another KeyID.</summary>
    public VmaAttributes WithKeyId(KeyId keyId) => new(Protection, MaxProtection, Traits, keyId, _backing);

    /// <summary>Gets the same with other traits.</summary>
    public VmaAttributes WithTraits(VmaTraits traits) => new(Protection, MaxProtection, traits, KeyId, _backing);

    /// <inheritdoc/>
    public bool Equals(VmaAttributes other) =>
        Protection == other.Protection && MaxProtection == other.MaxProtection && Traits == other.Traits
        && KeyId == other.KeyId && Backing == other.Backing;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is VmaAttributes other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Protection, MaxProtection, Traits, KeyId, Backing);
}

/// <summary>A range of an address space that is mapped in one way. Never empty, page-aligned, immutable.</summary>
/// <remarks>A VMA that changes is replaced by another, so one that was looked up stays what it was.</remarks>
public sealed class Vma
{
    internal Vma(AddressRange range, VmaAttributes attributes, ulong offsetBytes)
    {
        Range = range;
        Attributes = attributes;
        OffsetBytes = offsetBytes;
    }

    /// <summary>Gets the addresses.</summary>
    public AddressRange Range { get; }

    /// <summary>Gets the first address.</summary>
    public VirtualAddress Start => Range.Start;

    /// <summary>Gets the first address after it.</summary>
    public VirtualAddress End => Range.End;

    /// <summary>Gets everything else.</summary>
    public VmaAttributes Attributes { get; }

    /// <summary>Gets where in its backing it starts; always 0 for anonymous memory.</summary>
    /// <remarks>Linux gives anonymous VMAs offsets too, for its reverse map; moving one then keeps it from merging with
    /// its new neighbours. Nothing here needs that, so anonymous memory merges wherever it lies.</remarks>
    public ulong OffsetBytes { get; }

    /// <summary>Gets the KeyID.</summary>
    public KeyId KeyId => Attributes.KeyId;

    /// <summary>Gets what a program may do.</summary>
    public Protection Protection => Attributes.Protection;

    /// <summary>Gets the traits.</summary>
    public VmaTraits Traits => Attributes.Traits;

    /// <summary>Gets what is mapped.</summary>
    public VmaBacking Backing => Attributes.Backing;

    /// <summary>Gets a value indicating whether it maps private anonymous memory.</summary>
    public bool IsAnonymous => Attributes.Backing.IsAnonymous;

    /// <summary>Gets the number of pages.</summary>
    public long PageCount => checked((long)(Range.LengthBytes / PageNumber.SizeBytes));

    /// <inheritdoc/>
    public override string ToString() => $"{Range} {Protection} KeyID {KeyId} {Backing}";

    /// <summary>Tells whether this VMA and the one that starts where it ends can be one.</summary>
    internal bool CanMergeWith(Vma next) =>
        End == next.Start && Attributes == next.Attributes
        && (IsAnonymous || checked(OffsetBytes + Range.LengthBytes) == next.OffsetBytes);

    /// <summary>Gets the part of it that lies in a range, with other attributes.</summary>
    /// <param name="part">Not empty and inside the VMA.</param>
    /// <param name="attributes">The attributes of the part.</param>
    internal Vma Part(AddressRange part, VmaAttributes attributes) =>
        new(part, attributes, IsAnonymous ? 0 : checked(OffsetBytes + (part.Start.Value - Start.Value)));

    /// <summary>Gets the part of it that lies in a range.</summary>
    internal Vma Part(AddressRange part) => Part(part, Attributes);
}
