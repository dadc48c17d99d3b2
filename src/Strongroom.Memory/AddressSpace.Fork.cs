namespace Strongroom.Memory;

/// <content>fork, and what it leaves out.</content>
public sealed partial class AddressSpace
{
    // What a child does not inherit: memory locks (mlock(2)), and userfaultfd registration without its fork events.
    private const VmaTraits NotInherited = VmaTraits.Locked | VmaTraits.FaultsMissing | VmaTraits.FaultsWriteProtect;

    /// <summary>Makes the address space of a forked child: the same VMAs with the same KeyIDs, each with a reference of
    /// its own.</summary>
    /// <param name="childMachine">What will hold the child's pages.</param>
    /// <param name="inheritedTraits">Traits to hand down that a child does not get by itself, as with userfaultfd fork
    /// events.</param>
    /// <returns>The child's address space.</returns>
    public AddressSpace Fork(IMemoryMachine childMachine, VmaTraits inheritedTraits = VmaTraits.None)
    {
        AddressSpace child = new(Slots, childMachine, _options) { _breakStart = _breakStart, _break = _break };
        foreach (Vma vma in _vmas.All())
        {
            if ((vma.Traits & VmaTraits.DontFork) != 0)
            {
                continue;
            }

            VmaAttributes attributes = vma.Attributes.WithTraits(vma.Traits & ~(NotInherited & ~inheritedTraits));
            attributes = _options.Fault == VmaFault.ForkDropsKeyId ? attributes.WithKeyId(default) : attributes;
            child.PlanMerged(vma.Part(vma.Range, attributes));
            child.Splice();
            if (_options.Fault == VmaFault.ForkSkipsReference)
            {
                Slots.DropVma(vma.KeyId);
            }

            if ((vma.Traits & VmaTraits.WipeOnFork) == 0)
            {
                Machine.CopyForFork(childMachine, vma);
            }
        }

        return child;
    }
}
