using System.Text;

namespace Strongroom.Machine.Checking;

internal sealed partial class VmaModel
{
    /// <inheritdoc/>
    internal override string? FindBrokenInvariant(ulong s)
    {
        for (int p = 0; p < _processes; p++)
        {
            for (int i = 0; i < _pages; i++)
            {
                if ((FindBrokenVma(s, p, i) ?? FindBrokenEntry(s, Page(s, p, i))) is { } broken)
                {
                    return broken;
                }
            }
        }

        for (int f = 0; f < Frames; f++)
        {
            if ((Frame(s, f) != 0) != (CountUsers(s, f) > 0))
            {
                return "I8: a frame is free and mapped, or neither";
            }
        }

        return FindBrokenSlot(s);
    }

    /// <inheritdoc/>
    /// <remarks>The least of those that differ only in the names of KeyIDs above 0, of processes and of frames.</remarks>
    internal override ulong Canonical(ulong s)
    {
        ulong least = WithFramesInOrder(s);
        ulong swapped = _keyIds == 3 ? SwapKeys(s) : s;
        least = _keyIds == 3 ? ulong.Min(least, WithFramesInOrder(swapped)) : least;
        if (_processes == 2)
        {
            least = ulong.Min(least, WithFramesInOrder(SwapProcesses(s)));
            least = _keyIds == 3 ? ulong.Min(least, WithFramesInOrder(SwapProcesses(swapped))) : least;
        }

        return least;
    }

    /// <inheritdoc/>
    internal override string Describe(Step step) => (VmaStep)step.Kind switch
    {
        VmaStep.Merge => $"Merge frame {step.B} into frame {step.A}",
        VmaStep.CreateKey or VmaStep.DestroyKey => $"{(VmaStep)step.Kind} KeyID {step.A}",
        VmaStep.Fork => $"Fork process {step.A}",
        VmaStep.Move => $"Move process {step.A} page {step.B} to page {step.C}",
        VmaStep.Encrypt => $"Encrypt process {step.A} page {step.B} {((step.C & 1) != 0 ? "rw" : "r-")} KeyID {step.C >> 1}",
        VmaStep.Map or VmaStep.Protect => $"{(VmaStep)step.Kind} process {step.A} page {step.B} {(step.C != 0 ? "rw" : "r-")}",
        _ => $"{(VmaStep)step.Kind} process {step.A} page {step.B}",
    };

    /// <inheritdoc/>
    internal override string Describe(ulong s)
    {
        StringBuilder text = new();
        for (int p = 0; p < _processes; p++)
        {
            _ = text.Append($"process {p}:");
            for (int i = 0; i < _pages; i++)
            {
                int page = Page(s, p, i);
                string entry = Entry(page) switch
                {
                    NoEntry => "empty",
                    ZeroPage => $"zero page KeyID {EntryKeyId(page)}",
                    int at => $"frame {at - FirstFrame} KeyID {EntryKeyId(page)}{(IsWritable(page) ? " writable" : string.Empty)}",
                };
                _ = !IsMapped(page) ? text.Append(" -;")
                    : text.Append($" {(IsJoined(page) ? "+" : string.Empty)}KeyID {KeyIdOf(page)} {(MayWrite(page) ? "rw" : "r-")} {entry};");
            }

            _ = text.Append(' ');
        }

        for (int f = 0; f < Frames; f++)
        {
            _ = Frame(s, f) == 0 ? text : text.Append($"frame {f}: page_ext {Ext(s, f)}{((Frame(s, f) & Merged) != 0 ? " merged" : string.Empty)}; ");
        }

        for (int k = 1; k < _keyIds; k++)
        {
            string life = Life(Slot(s, k)) switch { 0 => "free", 1 => "live", _ => "destroyed" };
            _ = text.Append($"KeyID {k}: {life}, {References(Slot(s, k))} references. ");
        }

        return text.ToString().TrimEnd();
    }

    /// <summary>Numbers frames in the order in which entries name them.</summary>
    internal ulong WithFramesInOrder(ulong s)
    {
        ulong renamed = s & ~(((1ul << (Frames * FrameBits)) - 1) << _frameBase);
        int names = 0; // 4 bits a frame: 1 + its new number
        int used = 0;
        for (int at = 0; at < _processes * _pages; at++)
        {
            int shift = (at * PageBits) + 4;
            int old = ((int)((s >> shift) & 7)) - FirstFrame;
            if (old < 0)
            {
                continue;
            }

            int name = (names >> (4 * old)) & 15;
            if (name == 0)
            {
                name = ++used;
                names |= name << (4 * old);
                renamed = WithFrame(renamed, name - 1, Frame(s, old));
            }

            renamed = (renamed & ~(7ul << shift)) | ((ulong)(FirstFrame + name - 1) << shift);
        }

        for (int f = 0; f < Frames; f++)
        {
            bool isLost = Frame(s, f) != 0 && ((names >> (4 * f)) & 15) == 0; // only a seeded fault loses one
            renamed = isLost ? WithFrame(renamed, used++, Frame(s, f)) : renamed;
        }

        return renamed;
    }

    private string? FindBrokenVma(ulong s, int p, int i)
    {
        int page = Page(s, p, i);
        if (i == 0 || !IsMapped(page) || !IsMapped(Page(s, p, i - 1)))
        {
            return IsJoined(page) ? "I6: a VMA reaches into a hole" : null;
        }

        bool agree = (page & 7) == (Page(s, p, i - 1) & 7);
        return IsJoined(page) && !agree ? "I6: one VMA has two KeyIDs or two protections"
            : !IsJoined(page) && agree ? "two VMAs of a process could be one"
            : null;
    }

    private string? FindBrokenEntry(ulong s, int page)
    {
        int entry = Entry(page);
        if (entry == NoEntry)
        {
            return null;
        }

        if (entry == ZeroPage)
        {
            return EntryKeyId(page) != 0 ? "I6: the zero page is mapped with a KeyID" : null;
        }

        return EntryKeyId(page) != KeyIdOf(page) ? "I6: an entry has another KeyID than its VMA"
            : EntryKeyId(page) != Ext(s, entry - FirstFrame) ? "I6: an entry has another KeyID than its page"
            : !IsWritable(page) ? null
            : !MayWrite(page) ? "a program may write what its VMA forbids"
            : !IsOwn(s, entry - FirstFrame) ? "a page that is shared may be written"
            : null;
    }

    private string? FindBrokenSlot(ulong s)
    {
        for (int k = 1; k < _keyIds; k++)
        {
            int vmas = 0;
            for (int at = 0; at < _processes * _pages; at++)
            {
                int page = Page(s, at / _pages, at % _pages);
                vmas += KeyIdOf(page) == k && !IsJoined(page) ? 1 : 0;
            }

            if (vmas != References(Slot(s, k)))
            {
                return "I5: a slot's references do not count the VMAs under it";
            }

            if (Life(Slot(s, k)) == 0 && (vmas > 0 || IsInFrames(s, k)))
            {
                return "I5: a slot is free while a VMA or a page is under it";
            }
        }

        return null;
    }

    private ulong SwapProcesses(ulong s)
    {
        int width = _pages * PageBits;
        ulong mask = (1ul << width) - 1;
        return (s & ~(mask | (mask << width))) | ((s & mask) << width) | ((s >> width) & mask);
    }

    private ulong SwapKeys(ulong s)
    {
        for (int at = 0; at < _processes * _pages; at++)
        {
            int page = Page(s, at / _pages, at % _pages);
            int keyId = EntryKeyId(page) == 0 ? 0 : 3 - EntryKeyId(page);
            int vma = VmaOf(page) < 2 ? VmaOf(page) : 5 - VmaOf(page);
            s = WithPage(s, at / _pages, at % _pages, (page & ~0x183) | vma | (keyId << 7));
        }

        for (int f = 0; f < Frames; f++)
        {
            s = Ext(s, f) < 1 ? s : WithFrame(s, f, (Frame(s, f) & Merged) | (4 - Ext(s, f)));
        }

        int first = Slot(s, 1);
        return WithSlot(WithSlot(s, 1, Slot(s, 2)), 2, first);
    }
}
