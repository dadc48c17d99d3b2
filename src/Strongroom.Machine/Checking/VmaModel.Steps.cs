using System;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>What happens to VMAs and pages in one step.</summary>
internal enum VmaStep : byte
{
    /// <summary>mmap of one page.</summary>
    Map,

    /// <summary>munmap of one page.</summary>
    Unmap,

    /// <summary>mprotect of one page.</summary>
    Protect,

    /// <summary>encrypt_mprotect of one page.</summary>
    Encrypt,

    /// <summary>mremap of one page to another place.</summary>
    Move,

    /// <summary>A program reads a page for the first time.</summary>
    Read,

    /// <summary>A program writes a page that it may write.</summary>
    Write,

    /// <summary>fork.</summary>
    Fork,

    /// <summary>KSM finds two frames equal.</summary>
    Merge,

    /// <summary>A slot is programmed for a new key.</summary>
    CreateKey,

    /// <summary>A key is destroyed.</summary>
    DestroyKey,
}

internal sealed partial class VmaModel
{
    /// <inheritdoc/>
    internal override int Successors(ulong s, Span<ulong> next, Span<Step> steps)
    {
        Broken = null;
        int count = 0;
        for (int p = 0; p < _processes; p++)
        {
            for (int i = 0; i < _pages; i++)
            {
                count = IsMapped(Page(s, p, i)) ? MappedSteps(s, p, i, next, steps, count) : MapSteps(s, p, i, next, steps, count);
            }

            if (_processes == 2)
            {
                count = Add(s, Fork(s, p), Took(VmaStep.Fork, p), next, steps, count);
            }
        }

        for (int f = 0; f < Frames; f++)
        {
            for (int g = f + 1; g < Frames; g++)
            {
                count = Add(s, Merge(s, f, g), Took(VmaStep.Merge, f, g), next, steps, count);
            }
        }

        for (int k = 1; k < _keyIds; k++)
        {
            ulong created = Life(Slot(s, k)) == 0 ? WithSlot(s, k, 1) : s;
            ulong destroyed = Life(Slot(s, k)) == 1 ? Settled(WithSlot(s, k, Slot(s, k) + 1)) : s;
            count = Add(s, created, Took(VmaStep.CreateKey, k), next, steps, count);
            count = Add(s, destroyed, Took(VmaStep.DestroyKey, k), next, steps, count);
        }

        return count;
    }

    private static Step Took(VmaStep kind, int a, int b = 0, int c = 0) => new((byte)kind, (byte)a, (byte)b, (byte)c);

    private int MapSteps(ulong s, int p, int i, Span<ulong> next, Span<Step> steps, int count)
    {
        for (int w = 0; w < 2; w++)
        {
            count = Add(s, Insert(s, p, i, Attributes(0, w != 0)), Took(VmaStep.Map, p, i, w), next, steps, count);
        }

        return count;
    }

    private int MappedSteps(ulong s, int p, int i, Span<ulong> next, Span<Step> steps, int count)
    {
        int page = Page(s, p, i);
        count = Add(s, Settled(Unmap(s, p, i)), Took(VmaStep.Unmap, p, i), next, steps, count);
        for (int w = 0; w < 2; w++)
        {
            count = Add(s, Settled(Protect(s, p, i, w != 0)), Took(VmaStep.Protect, p, i, w), next, steps, count);
            for (int k = 1; k < _keyIds; k++)
            {
                ulong after = Life(Slot(s, k)) == 1 ? Settled(Encrypt(s, p, i, Attributes(k, w != 0))) : s;
                count = Add(s, after, Took(VmaStep.Encrypt, p, i, (2 * k) + w), next, steps, count);
            }
        }

        for (int j = 0; j < _pages; j++)
        {
            if (!IsMapped(Page(s, p, j)))
            {
                count = Add(s, Settled(Move(s, p, i, j)), Took(VmaStep.Move, p, i, j), next, steps, count);
            }
        }

        if (Entry(page) == NoEntry)
        {
            int keyId = _mutant == Mutant.ZeroPageWithKeyId ? KeyIdOf(page) : 0;
            ulong read = WithPage(s, p, i, WithEntry(page, ZeroPage, keyId, writable: false));
            count = Add(s, read, Took(VmaStep.Read, p, i), next, steps, count);
        }

        return MayWrite(page) && !IsWritable(page) ? Add(s, Write(s, p, i), Took(VmaStep.Write, p, i), next, steps, count) : count;
    }

    private ulong Unmap(ulong s, int p, int i)
    {
        int keyId = KeyIdOf(Page(s, p, i));
        s = Remove(Zap(s, p, i), p, i);
        return _mutant == Mutant.VmaUnmapKeepsReference ? AddReference(s, keyId) : s;
    }

    private ulong Protect(ulong s, int p, int i, bool mayWrite)
    {
        int page = Page(s, p, i);
        if (MayWrite(page) == mayWrite)
        {
            return s;
        }

        s = Replace(s, p, i, Attributes(_mutant == Mutant.VmaProtectDropsKeyId ? 0 : KeyIdOf(page), mayWrite));
        if (Entry(page) == NoEntry)
        {
            return s;
        }

        bool writable = mayWrite && Entry(page) >= FirstFrame && IsOwn(s, Entry(page) - FirstFrame);
        int keyId = _mutant == Mutant.ModifyDropsKeyId ? 0 : EntryKeyId(page);
        return WithPage(s, p, i, WithEntry(Page(s, p, i), Entry(page), keyId, writable));
    }

    private ulong Encrypt(ulong s, int p, int i, int attributes)
    {
        int page = Page(s, p, i);
        if ((page & 7) == attributes)
        {
            return s; // both as they were: the contents stay
        }

        bool skips = _mutant == Mutant.SkipZapOnKeyIdChange && VmaOf(page) != VmaOf(attributes);
        s = Replace(skips ? s : Zap(s, p, i), p, i, attributes);
        return _mutant == Mutant.VmaKeyChangeKeepsReference ? AddReference(s, KeyIdOf(page)) : s;
    }

    private ulong Move(ulong s, int p, int i, int j)
    {
        int page = Page(s, p, i) & ~Joined;
        int moved = _mutant == Mutant.VmaRemapDropsKeyId ? (page & ~3) | 1 : page;
        s = Remove(Insert(WithPage(s, p, i, Page(s, p, i) & 0xf), p, j, moved), p, i);
        return _mutant == Mutant.VmaRemapKeepsReference ? AddReference(s, KeyIdOf(page)) : s;
    }

    private ulong Write(ulong s, int p, int i)
    {
        int page = Page(s, p, i);
        int old = Entry(page) - FirstFrame;
        if (old >= 0 && IsOwn(s, old))
        {
            return WithPage(s, p, i, page | 0x200); // the last sharer writes in place
        }

        int frame = FindFree(s);
        if (frame < 0)
        {
            return s;
        }

        int keyId = KeyIdOf(page);
        bool isCopy = Entry(page) != NoEntry;
        s = WithFrame(s, frame, 1 + (isCopy && _mutant == Mutant.CopyOnWriteToPlatformKey ? 0 : keyId));
        s = WithPage(s, p, i, WithEntry(page, FirstFrame + frame, keyId, writable: true));
        return old >= 0 && CountUsers(s, old) == 0 ? WithFrame(s, old, 0) : s;
    }

    private ulong Fork(ulong s, int p)
    {
        for (int i = 0; i < _pages; i++)
        {
            if (IsMapped(Page(s, 1 - p, i)))
            {
                return s;
            }
        }

        for (int i = 0; i < _pages; i++)
        {
            int page = Page(s, p, i);
            bool shares = Entry(page) >= FirstFrame && _mutant != Mutant.ForkLeavesWritable;
            page = shares ? page & ~0x200 : page;
            int child = IsMapped(page) && _mutant == Mutant.VmaForkDropsKeyId ? (page & ~3) | 1 : page;
            s = WithPage(WithPage(s, p, i, page), 1 - p, i, child);
            bool takes = IsMapped(child) && !IsJoined(child) && _mutant != Mutant.VmaForkSkipsReference;
            s = takes ? AddReference(s, KeyIdOf(child)) : s;
        }

        return s;
    }

    /// <summary>KSM: what maps the second frame maps the first from now on, and nobody may write it.</summary>
    private ulong Merge(ulong s, int kept, int merged)
    {
        bool sameKey = Ext(s, kept) == Ext(s, merged) || _mutant == Mutant.KsmIgnoresKeyId;
        if (Frame(s, kept) == 0 || Frame(s, merged) == 0 || !sameKey)
        {
            return s;
        }

        for (int p = 0; p < _processes; p++)
        {
            for (int i = 0; i < _pages; i++)
            {
                int page = Page(s, p, i);
                if (Entry(page) == FirstFrame + merged || Entry(page) == FirstFrame + kept)
                {
                    s = WithPage(s, p, i, WithEntry(page, FirstFrame + kept, EntryKeyId(page), writable: false));
                }
            }
        }

        return Settled(WithFrame(WithFrame(s, kept, Frame(s, kept) | Merged), merged, 0));
    }

    private ulong Zap(ulong s, int p, int i)
    {
        int page = Page(s, p, i);
        s = WithPage(s, p, i, page & 0xf);
        int frame = Entry(page) - FirstFrame;
        return frame >= 0 && CountUsers(s, frame) == 0 ? WithFrame(s, frame, 0) : s;
    }

    /// <summary>Clears the slots of destroyed keys that nothing uses any more.</summary>
    private ulong Settled(ulong s)
    {
        for (int k = 1; k < _keyIds; k++)
        {
            if (Slot(s, k) == 2 && !IsInFrames(s, k))
            {
                s = WithSlot(s, k, 0);
            }
        }

        return s;
    }

    private bool IsInFrames(ulong s, int k)
    {
        for (int f = 0; f < Frames; f++)
        {
            if (Ext(s, f) == k)
            {
                return true;
            }
        }

        return false;
    }

    private int FindFree(ulong s)
    {
        int frame = 0;
        while (frame < Frames && Frame(s, frame) != 0)
        {
            frame++;
        }

        return frame < Frames ? frame : -1;
    }
}
