using System;
using Strongroom.Core;

namespace Strongroom.Pager.Agent;

/// <summary>Where a program's arguments lie, and where the copy of them that /proc/PID/cmdline shows.</summary>
/// <remarks>
/// <para>The kernel reads the arguments like /proc/PID/mem, for which a sealed page is not there: the command line would be empty. Their pages
/// cannot be left in clear, for those of the environment and of main's frame are mostly the same. So the kernel is told, by prctl(2) PR_SET_MM,
/// that they lie in a copy: private memory that is never sealed, and that fork copies like any other.</para>
/// <para>A program may write another title over its arguments (setproctitle(3)), so the copy follows them. Where the title is longer than they
/// were, their last byte is not zero any more, and the kernel shows what lies from their beginning on up to a zero byte, a page at most
/// (fs/proc/base.c, get_mm_cmdline and get_mm_proctitle). Of the copy it would show no more than there was, for no environment lies behind it:
/// it is told the new end. Guarded by: pager thread only.</para>
/// </remarks>
/// <param name="Start">First address of the arguments.</param>
/// <param name="End">The address behind their last byte, which is above <paramref name="Start"/>.</param>
/// <param name="Address">First address of the copy, at the beginning of a page; <see cref="AreaBytesFor"/> bytes.</param>
internal sealed record ArgumentCopy(ulong Start, ulong End, ulong Address)
{
    private ulong _toldEnd = End; // 0: perhaps another
    private ulong _titleEnd = Start + PageNumber.SizeBytes; // behind the first zero byte, or a page from the beginning
    private bool _isTitle; // the last byte is not zero

    /// <summary>Gets the first page that holds arguments.</summary>
    internal PageNumber FirstPage => new VirtualAddress(Start).Page;

    /// <summary>Gets the last page that holds arguments, or the rest of a title in their place.</summary>
    internal PageNumber LastPage => new VirtualAddress(Math.Max(End, MaxTitleEnd) - 1).Page;

    /// <summary>Gets the end of what is to be shown of the copy.</summary>
    internal ulong ShownEnd => Address + (OriginalEnd - Start);

    /// <summary>Gets a value indicating whether the kernel knows <see cref="ShownEnd"/>.</summary>
    internal bool IsTold => _toldEnd == OriginalEnd;

    private ulong OriginalEnd => _isTitle ? _titleEnd : End;

    private ulong MaxTitleEnd => Start + PageNumber.SizeBytes;

    /// <summary>Gets what a copy takes, in bytes: whole pages.</summary>
    /// <param name="lengthBytes">Of the arguments.</param>
    internal static int AreaBytesFor(int lengthBytes) => (Math.Max(lengthBytes, 1) + PageNumber.SizeBytes - 1) & -PageNumber.SizeBytes;

    /// <summary>Notes that the kernel was told of <see cref="ShownEnd"/>, or that it refuses to be.</summary>
    internal void SetTold() => _toldEnd = OriginalEnd;

    /// <summary>Gets what the child of a fork has, which may have been forked before the kernel was told.</summary>
    internal ArgumentCopy Fork() => this with { _toldEnd = _toldEnd == End ? End : 0 };

    /// <summary>Finds what of a page belongs into the copy.</summary>
    /// <param name="page">From <see cref="FirstPage"/> to <see cref="LastPage"/>; of several, the first first.</param>
    /// <param name="bytes">What it holds; a page.</param>
    /// <param name="place">Where that belongs in the copy.</param>
    internal ReadOnlySpan<byte> PartOf(PageNumber page, ReadOnlySpan<byte> bytes, out ulong place)
    {
        ulong at = page.Address.Value;
        FindTitleEnd(page, bytes);
        if (new VirtualAddress(End - 1).Page == page)
        {
            _isTitle = bytes[(int)(End - 1 - at)] != 0;
        }

        ulong from = Math.Max(Start, at);
        ulong to = Math.Min(_isTitle ? Math.Max(End, _titleEnd) : End, at + PageNumber.SizeBytes);
        place = Address + (from - Start);
        return from < to ? bytes[(int)(from - at)..(int)(to - at)] : default;
    }

    // Within two pages at most: in the second if it is not in the first.
    private void FindTitleEnd(PageNumber page, ReadOnlySpan<byte> bytes)
    {
        ulong at = page.Address.Value;
        ulong from = Math.Max(Start, at);
        if (from < MaxTitleEnd && (page == FirstPage || _titleEnd > at))
        {
            ulong to = Math.Min(MaxTitleEnd, at + PageNumber.SizeBytes);
            int zero = bytes[(int)(from - at)..(int)(to - at)].IndexOf((byte)0);
            _titleEnd = zero < 0 ? MaxTitleEnd : from + (ulong)zero + 1;
        }
    }
}
