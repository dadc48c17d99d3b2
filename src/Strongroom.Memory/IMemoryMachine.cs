using Strongroom.Core;

namespace Strongroom.Memory;

/// <summary>What becomes of the contents when the KeyID of memory changes.</summary>
public enum KeyChangeData
{
    /// <summary>The pages go; the next access finds zeros. The rule of the series.</summary>
    Discard,

    /// <summary>The contents stay and are stored under the new key. Beyond the series, as its reviewers
    /// wanted.</summary>
    Keep,
}

/// <summary>A piece of one VMA that gets another KeyID, another protection or both by encrypt_mprotect.</summary>
public readonly struct KeyChange
{
    internal KeyChange(AddressRange range, VmaAttributes from, VmaAttributes to, KeyChangeData data)
    {
        Range = range;
        From = from;
        To = to;
        Data = data;
    }

    /// <summary>Gets the addresses.</summary>
    public AddressRange Range { get; }

    /// <summary>Gets what the piece was; the KeyID may be the same as in <see cref="To"/>.</summary>
    public VmaAttributes From { get; }

    /// <summary>Gets what it becomes.</summary>
    public VmaAttributes To { get; }

    /// <summary>Gets what becomes of the contents.</summary>
    public KeyChangeData Data { get; }
}

/// <summary>The machine under an address space, which holds the pages: the modelled one, or a real process and its
/// pager.</summary>
/// <remarks>
/// <para>
/// An address space decides, then tells the machine, then changes its VMAs. A method that returns an
/// <see cref="Errno"/> may refuse, and then the address space is as it was before that piece. The others cannot fail.
/// </para>
/// <para>
/// Pages take and drop their own references to key slots (<see cref="Keys.KeySlotTable.AddPages"/>). While a method
/// runs, the slots of both the old and the new KeyID are held by VMAs.
/// </para>
/// <para>Called by the thread that changes the address space, whose lock the machine owns.</para>
/// </remarks>
public interface IMemoryMachine
{
    /// <summary>Changes the protection of pages that stay; their KeyID and contents stay too.</summary>
    /// <param name="range">A piece of one VMA.</param>
    /// <param name="oldProtection">The old protection.</param>
    /// <param name="newProtection">The new one.</param>
    public Errno ChangeProtection(AddressRange range, Protection oldProtection, Protection newProtection);

    /// <summary>Changes KeyID, protection or both, and discards or keeps the contents.</summary>
    /// <remarks>At no moment may the memory be usable under the new protection with the old KeyID, or the other way
    /// round.</remarks>
    public Errno ChangeKey(in KeyChange change);

    /// <summary>Drops the pages of a range that is no longer mapped.</summary>
    /// <param name="vma">The VMA as it was.</param>
    /// <param name="range">The part of it that goes.</param>
    public void Unmap(Vma vma, AddressRange range);

    /// <summary>Drops the pages of a range that stays mapped; the next access finds zeros, or the backing's
    /// contents.</summary>
    /// <param name="vma">The VMA.</param>
    /// <param name="range">The part of it.</param>
    public void Zap(Vma vma, AddressRange range);

    /// <summary>Moves pages to another place of the same address space, with contents and KeyID.</summary>
    /// <param name="vma">The VMA as it was.</param>
    /// <param name="range">The part of it that moves.</param>
    /// <param name="destination">Where its first byte goes; nothing is mapped there but this.</param>
    public Errno Move(Vma vma, AddressRange range, VirtualAddress destination);

    /// <summary>Gives a forked child the pages of a VMA, shared until one of both writes.</summary>
    /// <param name="child">The child's machine.</param>
    /// <param name="vma">The VMA, which both have; its pages keep the KeyID in both.</param>
    public void CopyForFork(IMemoryMachine child, Vma vma);
}
