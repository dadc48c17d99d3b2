using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>Memory that is put back before the program does with it what the pager could not follow: it serves it with a userfaultfd of its
/// own (the kernel allows a VMA one: whoever comes second gets EBUSY), or makes it a guard region.</content>
internal sealed partial class AddressSpace
{
    // How long a thread that made a call may wait for a processor before the kernel carries it out.
    private static readonly TimeSpan s_callPatience = TimeSpan.FromSeconds(10);

    /// <summary>Gives memory up, so that the program can register it: what is sealed there is put back, and it stays in clear.</summary>
    /// <param name="range">What the program is about to register. Memory under a key of the program's own is kept.</param>
    /// <remarks>While the agent does nothing else. Whole VMAs, for the program's registration must not find them divided, and also those that are not
    /// registered yet, for they must not be while the call is on its way.</remarks>
    internal void Yield(AddressRange range)
    {
        if (_maps is null || !_maps.Refresh())
        {
            return; // the target is ending
        }

        List<AddressRange> covered = [];
        foreach (Vma vma in _maps)
        {
            if (vma.Range.Overlaps(range) && IsOrMayBeRegistered(vma))
            {
                covered.Add(vma.Range);
            }
        }

        foreach (AddressRange vma in covered)
        {
            if (!HasKey(vma) && TryPutBack(vma))
            {
                ForgetRange(vma);
                if (_uffd.Unregister(vma) == 0)
                {
                    LeaveToProgram(vma);
                }
            }
        }
    }

    // (A file that owns a key no userfaultfd can watch.)
    private bool IsOrMayBeRegistered(Vma vma) =>
        (_registered.Overlaps(vma.Range) || _halfRegistered.Overlaps(vma.Range) || WhyUncovered(vma) is null)
            && !Agent!.Area.Overlaps(vma.Range) && !_standIns.Exists(each => each.Range.Overlaps(vma.Range));

    /// <summary>Prepares for the loss of memory of which the kernel does not tell: guard regions (MADV_GUARD_INSTALL). What is sealed there is
    /// put back, so that it is the kernel that drops it, and none is sealed until the kernel has.</summary>
    /// <param name="range">What the program is about to make a guard region.</param>
    /// <returns>False when it could not be put back.</returns>
    /// <remarks>While the agent does nothing else. If it were dropped here, what the kernel then refuses would be lost.</remarks>
    internal bool TryExpose(AddressRange range)
    {
        if (!TryPutBack(range))
        {
            return false;
        }

        HandleRemove(range);
        return true;
    }

    /// <summary>Like <see cref="TryExpose"/>, for what the program makes guard regions by calls that were let pass before there was an agent: any
    /// memory. Nothing is sealed yet.</summary>
    internal void ExposeAll()
    {
        if (_maps?.Refresh() != true)
        {
            return; // the target is ending
        }

        foreach (Vma vma in _maps)
        {
            if (vma.IsPrivateAnonymous)
            {
                HandleRemove(vma.Range);
            }
        }
    }

    private void LeaveToProgram(AddressRange range)
    {
        _ = _context.Statistics.Remarks.Add("A program uses userfaultfd itself; the memory that it registered is left alone and stays in clear.");
        Exclude(range, ClearReason.Userfaultfd, s_callPatience);
    }

    private bool HasKey(AddressRange range)
    {
        List<KeyRange> found = [];
        _keyRanges.AddOverlapping(range, found);
        return found.Count > 0;
    }

    // Not while something that is sealed may have landed there of which no report was read.
    private bool TryPutBack(AddressRange range)
    {
        EncryptAllStaged();
        long start = Stopwatch.GetTimestamp();
        while (Verdict is null && !IsGone && Stopwatch.GetElapsedTime(start) <= AgentLink.Patience)
        {
            OpenAll(range);
            if (!HoldsAny(range) && HasNothingOutstanding())
            {
                return true;
            }

            _ = HandleMessages();
            _ = Thread.Yield();
        }

        return false;
    }

    // As far as the kernel fills pages: what is left is tried again after the queued events.
    private void OpenAll(AddressRange range)
    {
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end; i++)
            {
                if (region[i].IsSealed && (IsHeldBack(region, i) || !OpenAround(region, i)))
                {
                    return;
                }
            }
        }
    }
}
