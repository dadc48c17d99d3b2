using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Agent;
using Strongroom.Pager.Calls;

namespace Strongroom.Pager.Tracing;

/// <summary>What the tracer thread tells the pager thread; one kind of news a type.</summary>
internal abstract record TracerNews
{
    /// <summary>Gets a value indicating whether it cannot wait for the next tick. Most processes have ended by then: they are not worth a wake-up.</summary>
    internal virtual bool IsUrgent => true;
}

/// <summary>A process has memory of its own: the first, or after exec, or after the fork of one that has no agent.</summary>
/// <param name="Memory">The memory.</param>
/// <param name="HeldThread">After the exec of a process that had an agent: its thread, stopped until it is released. Else 0.</param>
internal sealed record MemoryBorn(TargetMemory Memory, int HeldThread) : TracerNews
{
    /// <inheritdoc/>
    internal override bool IsUrgent => HeldThread != 0;
}

/// <summary>A memory that has an agent was forked. The child's thread is stopped until the pager answers with an attach request.</summary>
/// <param name="Memory">The child's memory.</param>
/// <param name="HeldThread">The child's thread.</param>
/// <param name="Covered">The child's mappings that are registered with a userfaultfd, without those that fork wipes; ascending.</param>
internal sealed record MemoryForked(
    TargetMemory Memory, int HeldThread, System.Collections.Generic.IReadOnlyList<AddressRange> Covered) : TracerNews;

/// <summary>An attach request was carried out, or could not be.</summary>
/// <param name="Request">The request.</param>
/// <param name="Agent">The agent, or null.</param>
/// <param name="Uffd">The userfaultfd, or null.</param>
/// <param name="Refusal">Why not; null when the target was gone.</param>
internal sealed record AttachDone(AttachRequest Request, AgentLink? Agent, Userfaultfd? Uffd, string? Refusal) : TracerNews;

/// <summary>Every thread was seen outside madvise(2) since the request.</summary>
internal sealed record Quiesced(QuiesceRequest Request) : TracerNews;

/// <summary>No process uses a memory any more.</summary>
internal sealed record MemoryGone(TargetMemory Memory) : TracerNews
{
    /// <inheritdoc/>
    internal override bool IsUrgent { get; } = Memory.IsAttached;
}

/// <summary>A program asks for a change of what is covered of its memory. Told by a thread that answers calls.</summary>
internal sealed record MemoryCalled(MemoryCall Call) : TracerNews;

/// <summary>Something waits for the events that came before it to be handled, such as the end of memory that used a key. Told by a thread
/// that answers calls.</summary>
/// <param name="Then">What to do on the pager thread; short.</param>
internal sealed record EventsAwaited(System.Action Then) : TracerNews;

/// <summary>A question about the memories of the tree. Told by a thread that answers questions.</summary>
/// <param name="Look">Looks at them on the pager thread.</param>
internal sealed record SpacesAsked(System.Action<System.Collections.Generic.IEnumerable<AddressSpace>> Look) : TracerNews;

/// <summary>The key table gave up a key. Told by any thread.</summary>
internal sealed record KeyRetired(KeyDomain Domain) : TracerNews;

/// <summary>The last process of the tree has ended, or the program could not be started.</summary>
internal sealed record TreeEnded : TracerNews;
