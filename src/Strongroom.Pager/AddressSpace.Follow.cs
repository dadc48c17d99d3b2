using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Memory;

namespace Strongroom.Pager;

/// <content>Keeps the ranges with keys in step with the kernel's VMAs, for what it does not report: growth, and plain mprotect.</content>
internal sealed partial class AddressSpace
{
    private readonly List<KeyRange> _held = [];

    /// <summary>Looks at the VMAs of memory with keys of the program's own. One that mremap made longer has its key in the new part too;
    /// one that mprotect split counts for each piece.</summary>
    internal void FollowVmas()
    {
        if (_keyRanges.All.Count == 0 || _maps is null || Agent is not { IsBusy: false } || !_maps.Refresh()
            || !HasNothingOutstanding())
        {
            return; // what is not reported yet would be taken for something else
        }

        foreach (Kernel.Vma vma in _maps)
        {
            _held.Clear();
            if (vma.IsPrivateAnonymous)
            {
                _keyRanges.AddOverlapping(vma.Range, _held);
            }

            if (_held.Count > 0)
            {
                FollowGrowth(vma);
                FollowProtection(vma);
            }
        }
    }

    // What mremap adds is registered like the VMA that it belongs to, without the pager's doing. Memory that came to lie beside it is a VMA
    // of its own until the pager registers it.
    private void FollowGrowth(in Kernel.Vma vma)
    {
        foreach (AddressRange growth in _registered.PartsOf(vma.Range, inSet: false))
        {
            if (TryFindKeyBefore(growth, vma.Range, out KeyRange before) && _uffd.IsOneRegisteredVma(vma.Range))
            {
                _registered.Add(growth);
                if (!TryReseal(growth, before.Domain, before.Protection))
                {
                    Condemn("memory of it that became longer could not be given its key");
                }
            }
        }
    }

    // Until then nothing of the VMA is sealed: once it counts as registered, what it grew by could not be told from memory that came to
    // lie beside it.
    private bool AwaitsKey(AddressRange vma)
    {
        if (_keyRanges.All.Count == 0)
        {
            return false;
        }

        foreach (AddressRange growth in _registered.PartsOf(vma, inSet: false))
        {
            if (TryFindKeyBefore(growth, vma, out _))
            {
                return true;
            }
        }

        return false;
    }

    // The key of what a VMA grew from.
    private bool TryFindKeyBefore(AddressRange growth, AddressRange vma, out KeyRange before)
    {
        foreach (KeyRange each in _keyRanges.All)
        {
            if (growth.Start != vma.Start && each.Range.End == growth.Start && !each.Domain.IsErased)
            {
                before = each;
                return true;
            }
        }

        before = default;
        return false;
    }

    private void FollowProtection(in Kernel.Vma vma)
    {
        Protection protection = ProtectionRuleOf(vma);
        foreach (KeyRange each in _held)
        {
            if (each.Protection != protection)
            {
                _keyRanges.Set(each.Range.Intersect(vma.Range), each.Domain, protection);
            }
        }
    }

    private static Protection ProtectionRuleOf(in Kernel.Vma vma) =>
        (vma.Allows(Kernel.VmaAccess.Read) ? Protection.Read : 0) | (vma.Allows(Kernel.VmaAccess.Write) ? Protection.Write : 0)
            | (vma.Allows(Kernel.VmaAccess.Execute) ? Protection.Execute : 0);
}
