using System;

namespace Strongroom.Memory;

/// <summary>The kinds of memory behind a VMA.</summary>
public enum VmaBackingKind
{
    /// <summary>Private anonymous memory: no vm_ops. The only kind that encrypt_mprotect gives a KeyID to.</summary>
    Anonymous,

    /// <summary>Shared anonymous memory, which is a file of shmem.</summary>
    SharedAnonymous,

    /// <summary>A file, mapped privately.</summary>
    PrivateFile,

    /// <summary>A file, mapped shared.</summary>
    SharedFile,

    /// <summary>A file of huge pages.</summary>
    HugeTlb,

    /// <summary>A device or a range of physical memory: no page structures, no get_user_pages.</summary>
    Device,

    /// <summary>A secret memory file: pages off the kernel's direct map.</summary>
    Secret,
}

/// <summary>What a VMA maps: one object per file or device, compared by identity.</summary>
public sealed class VmaBacking
{
    /// <summary>Private anonymous memory, the same object for every VMA that maps it.</summary>
    public static readonly VmaBacking Anonymous = new(VmaBackingKind.Anonymous, name: "");

    /// <summary>Makes a backing that is only equal to itself.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="name">A name for messages and listings; a path or empty.</param>
    public VmaBacking(VmaBackingKind kind, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        Kind = kind;
        Name = name;
    }

    /// <summary>Gets the kind.</summary>
    public VmaBackingKind Kind { get; }

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets a value indicating whether the memory is private and anonymous, vma_is_anonymous of the
    /// kernel.</summary>
    public bool IsAnonymous => Kind == VmaBackingKind.Anonymous;

    /// <summary>Gets a value indicating whether a VMA of it can have a KeyID at all.</summary>
    /// <remarks>Anonymous memory by encrypt_mprotect; devices and secret memory when they are opened with a key, the
    /// form that the series' reviewers preferred. Pages that a file shares with others who do not know the key
    /// never.</remarks>
    public bool CanCarryKey => Kind is VmaBackingKind.Anonymous or VmaBackingKind.Device or VmaBackingKind.Secret;

    /// <inheritdoc/>
    public override string ToString() => Name.Length == 0 ? Kind.ToString() : $"{Kind} {Name}";
}
