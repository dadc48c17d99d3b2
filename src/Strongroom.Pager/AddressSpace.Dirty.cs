using System.Linq;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <content>Soft-dirty bits (CONFIG_MEM_SOFT_DIRTY), by which a program may find what it has written since it cleared them.</content>
/// <remarks>
/// A page that is missing has none, so one that was written and then sealed would be taken for one that was not: a collector would lose what only
/// that page refers to. What comes back has it, which at worst is looked at for nothing. So nothing is sealed any more once the bits were
/// cleared. The kernel does not tell when, but it clears those of all pages at once, also of one that nobody writes.
/// Sources: Documentation/admin-guide/mm/soft-dirty.rst, fs/proc/task_mmu.c (clear_refs_write, pagemap_pte_hole).
/// </remarks>
internal sealed partial class AddressSpace
{
    private bool _isDirtyTracked;
    private PageNumber? _dirtySensor;

    // Memory is born dirty. That of the agent tells whether the kernel has such bits, and of a clearing from now on; that of the program's
    // code, which is as old as the program, of one before.
    private void WatchDirtyBits()
    {
        PageNumber agent = Agent!.Area.Start.Page;
        _dirtySensor = _pagemap?.IsSoftDirty(agent) == true ? agent : null;
        if (_dirtySensor is null || _maps?.Refresh() != true)
        {
            return;
        }

        foreach (Vma vma in _maps)
        {
            if (vma.Kind == VmaKind.FilePrivate && !vma.Allows(VmaAccess.Write))
            {
                _ = TrackedWhenClean(vma.Range.Start.Page);
                break;
            }
        }
    }

    // Asked before pages are moved, and after.
    private bool IsDirtyTracked() => _isDirtyTracked || (_dirtySensor is { } sensor && TrackedWhenClean(sensor));

    private bool TrackedWhenClean(PageNumber page)
    {
        if (!_pagemap!.IsSoftDirty(page))
        {
            _isDirtyTracked = true;
            _ = _context.Statistics.Remarks.Add(
                "A program finds by soft-dirty bits (/proc/PID/clear_refs) what was written: its memory stays in clear, for they would miss what is sealed.");
        }

        return _isDirtyTracked;
    }

    // The bits were cleared in the midst of the moves, so that what was moved may have been written since.
    private void TakeBackPlan()
    {
        foreach (Move move in _plan.Take(_planned))
        {
            if (!TryPutBack(AddressRange.FromLength(move.First.Address, (ulong)move.Count << PageNumber.Shift)))
            {
                Condemn("what was sealed too late cannot be put back");
            }
        }
    }
}
