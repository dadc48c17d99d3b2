using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Strongroom.Core;
using Strongroom.Kernel;
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
            if (vma.IsPrivateAnonymous && IsKeyed(vma) && !_held[0].Domain.IsErased
                && _maps.NameOf(vma).SequenceEqual(Encoding.ASCII.GetBytes($"[anon:{NameOf(_held[0].Domain.KeyId)}]")))
            {
                Follow(vma);
            }
        }
    }

    private static string NameOf(KeyId keyId) => string.Create(CultureInfo.InvariantCulture, $"mktme KeyID {keyId.Value}");

    private bool IsKeyed(in Kernel.Vma vma)
    {
        _held.Clear();
        _keyRanges.AddOverlapping(vma.Range, _held);
        return _held.Count > 0 && _held.TrueForAll(each => each.Domain == _held[0].Domain);
    }

    private void Follow(in Kernel.Vma vma)
    {
        Protection protection = ProtectionRuleOf(vma);
        if (_held.Count == 1 && _held[0].Range == vma.Range && _held[0].Protection == protection)
        {
            return;
        }

        ulong known = 0;
        foreach (KeyRange each in _held)
        {
            known += each.Range.Intersect(vma.Range).LengthBytes;
        }

        if (known == vma.Range.LengthBytes)
        {
            _keyRanges.Set(vma.Range, _held[0].Domain, protection);
        }
        else if (!TryReseal(vma.Range, _held[0].Domain, protection))
        {
            Condemn("memory of it that became longer could not be given its key");
        }
    }

    private static Protection ProtectionRuleOf(in Kernel.Vma vma) =>
        (vma.Allows(VmaAccess.Read) ? Protection.Read : 0) | (vma.Allows(VmaAccess.Write) ? Protection.Write : 0)
            | (vma.Allows(VmaAccess.Execute) ? Protection.Execute : 0);
}
