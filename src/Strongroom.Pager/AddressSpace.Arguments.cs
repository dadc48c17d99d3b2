using System;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;

namespace Strongroom.Pager;

/// <content>The command line, which others read in /proc/PID/cmdline: its copy follows what the program writes over its arguments.</content>
internal sealed partial class AddressSpace
{
    private ArgumentCopy? _arguments;

    // At each look, as long as their pages are in clear.
    private void FollowArguments()
    {
        if (_arguments is not { } arguments)
        {
            return;
        }

        for (ulong number = arguments.FirstPage.Value; number <= arguments.LastPage.Value; number++)
        {
            PageNumber page = new(number);
            Span<byte> bytes = _context.Bounce.Take(2);
            Span<byte> now = bytes[..PageNumber.SizeBytes];
            if (_table[page].State == PageState.Clear && Agent!.Memory.ReadAt(now, (long)page.Address.Value) == now.Length)
            {
                ReadOnlySpan<byte> part = arguments.PartOf(page, now, out ulong place);
                Span<byte> before = bytes.Slice(now.Length, part.Length);
                if (Agent.Memory.ReadAt(before, (long)place) != part.Length || !part.SequenceEqual(before))
                {
                    _ = Agent.Memory.WriteAt(part, (long)place); // fails where the program has unmapped the copy
                }
            }
        }

        if (!arguments.IsTold && Agent is { IsBusy: false, MaySetArguments: true })
        {
            TellEnd(arguments);
        }
    }

    private void TellEnd(ArgumentCopy arguments)
    {
        Agent!.Message.Clear();
        _ = Agent.Message.Add(Libc.SYS_prctl, Libc.PR_SET_MM, Libc.PR_SET_MM_ARG_END, arguments.ShownEnd);
        if (Agent.TryExchange())
        {
            arguments.SetTold(); // without CAP_SYS_RESOURCE it is refused: the beginning of the title is shown
        }
        else
        {
            Condemn("its agent was killed");
        }
    }

    // Once more as they are sealed: they may have been written to since the last look.
    private void KeepArguments(PageNumber page, ReadOnlySpan<byte> plaintext)
    {
        if (_arguments is { } arguments && page.Value >= arguments.FirstPage.Value && page.Value <= arguments.LastPage.Value)
        {
            ReadOnlySpan<byte> part = arguments.PartOf(page, plaintext, out ulong place);
            _ = Agent!.Memory.WriteAt(part, (long)place);
        }
    }
}
