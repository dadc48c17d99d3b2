using Strongroom.Core;

namespace Strongroom.Pager.Agent;

/// <summary>What lies where in the memory that an agent gets inside its target.</summary>
/// <remarks>
/// <code>
///   page 0      the agent's code, read-execute
///   page 1-2    the message being worked on
///   page 3      tag: zero, read-only; a forked child's tag page is filled by the pager to tell whose descriptor is whose
///   page 4-     staging: slots of one page. [probe slots][seal buffer 0][seal buffer 1]
/// </code>
/// Behind it lies the copy of the program's arguments, if there is one: <see cref="ArgumentCopy"/>.
/// No two neighbours are alike, so that staging is a VMA of its own also while it is not registered: to register a part of a VMA takes another
/// VMA, which a program that has all it may have (vm.max_map_count) would not be given.
/// All of it lies in the target, so nothing read from it is trusted: a target that writes here can only harm itself.
/// </remarks>
internal static class AgentLayout
{
    internal const int MessageOffset = 1 * PageNumber.SizeBytes;
    internal const int MessageBytes = 2 * PageNumber.SizeBytes;
    internal const int TagOffset = 3 * PageNumber.SizeBytes;
    internal const int StagingOffset = 4 * PageNumber.SizeBytes;

    /// <summary>Slots for pages that are taken away to see whether they are missed.</summary>
    internal const int ProbeSlots = 256;

    /// <summary>Slots of one seal buffer: the most pages sealed in one batch.</summary>
    internal const int SealSlots = 256;

    internal const int SlotCount = ProbeSlots + (2 * SealSlots);
    internal const int AreaBytes = StagingOffset + (SlotCount * PageNumber.SizeBytes);

    /// <summary>Within a message: after the count of calls (4 bytes), whether they are to be made aside, because they may wait for the pager.</summary>
    internal const int AsideOffset = 4;

    /// <summary>Within a message: the ready flag of the start.</summary>
    internal const int ReadyOffset = 8;

    /// <summary>Within a message: nonzero once a call returned something else than 0 (8 bytes, the results' bits together).</summary>
    internal const int FailuresOffset = 16;

    /// <summary>Within a message: what lets the agent's own waits through the filter (8 bytes); see ChildWait.</summary>
    internal const int WaitPassOffset = 24;

    /// <summary>Within a message: the calls, 64 bytes each: number, six arguments, result.</summary>
    internal const int CallsOffset = 64;

    internal const int CallBytes = 64;

    /// <summary>In the place of a call's number: overwrite memory with zeros; the arguments are address and length.</summary>
    internal const int WipeNumber = -1;

    /// <summary>Bit of a call's number: to be made only if every call before it in the message returned 0. Else its result is -ECANCELED.</summary>
    internal const int IfAllSucceededBit = 30;

    internal const int MaxCalls = 60;

    /// <summary>Within a message: room for what the calls' arguments point to.</summary>
    internal const int DataOffset = PageNumber.SizeBytes;
}
