namespace Strongroom.Machine.Mm;

/// <summary>What a flush policy needs done to frames.</summary>
internal interface IFrameMemory
{
    /// <summary>Flushes the lines of frames under one KeyID: CLFLUSH over the range through that alias.</summary>
    public void Flush(int frame, int count, ushort keyId);

    /// <summary>Writes zeros to frames through the direct map of a KeyID.</summary>
    public void Zero(int cpu, int frame, int count, ushort keyId);

    /// <summary>Takes a reference to a KeyID for each of some frames.</summary>
    public void Reference(ushort keyId, int count);

    /// <summary>Drops them.</summary>
    public void Unreference(ushort keyId, int count);

    /// <summary>Writes back and invalidates the caches of all packages.</summary>
    public void FlushEverything();
}

/// <summary>How often a policy flushed. Counts pages of 4 KiB.</summary>
internal sealed class FlushCounts
{
    /// <summary>Gets or sets the pages that were flushed when they were allocated.</summary>
    internal ulong OnAllocate { get; set; }

    /// <summary>Gets or sets the pages that were flushed when they were freed.</summary>
    internal ulong OnFree { get; set; }

    /// <summary>Gets or sets the pages that were flushed when a pool gave them up.</summary>
    internal ulong OnShrink { get; set; }

    /// <summary>Gets or sets the pages that changed hands under a KeyID without a flush.</summary>
    internal ulong Elided { get; set; }

    /// <summary>Gets all flushes.</summary>
    internal ulong Total => OnAllocate + OnFree + OnShrink;
}

/// <summary>
/// Decides when the caches are flushed for a page whose KeyID changes. One object serves one allocator.
/// </summary>
/// <remarks>
/// Content is not preserved over any of these steps, so only modified lines of the old alias can do harm, by being
/// written back over the new owner's ciphertext later. A clean line of an old alias is harmless: before anybody may
/// read under that KeyID again the line is written under it, and coherence within one KeyID then replaces every copy.
/// Source: K. Shutemov, linux-mm, 29 March 2018, and "MKTME enabling", version 5, July 2018 (the policies and their
/// cost).
/// </remarks>
internal abstract class FlushPolicy
{
    /// <summary>Makes a policy over frames.</summary>
    protected FlushPolicy(PageArray pages, IFrameMemory memory, Mutant mutant)
    {
        Pages = pages;
        Memory = memory;
        Mutant = mutant;
    }

    /// <summary>Gets how often it flushed.</summary>
    internal FlushCounts Counts { get; } = new();

    /// <summary>Gets the name that commands and reports use.</summary>
    internal abstract string Name { get; }

    /// <summary>Gets the frames that the policy holds back from the free lists.</summary>
    internal virtual int PooledFrames => 0;

    /// <summary>Gets the frames' bookkeeping.</summary>
    protected PageArray Pages { get; }

    /// <summary>Gets what flushes and zeroes.</summary>
    protected IFrameMemory Memory { get; }

    /// <summary>Gets the seeded fault.</summary>
    internal Mutant Mutant { get; }

    /// <summary>Makes a block from the free lists fit for use under a KeyID.</summary>
    internal abstract void Prepare(int cpu, int frame, int order, ushort keyId, bool zero);

    /// <summary>Makes a block fit for the free lists.</summary>
    internal abstract void Release(int cpu, int frame, int order);

    /// <summary>Takes a block that the policy held back for this KeyID.</summary>
    /// <returns>A frame, or -1.</returns>
    internal virtual int TryTake(ushort keyId, int order, int node) => -1;

    /// <summary>Makes a block that was held back fit for use again.</summary>
    internal virtual void Reuse(int cpu, int frame, int order, ushort keyId, bool zero)
    {
    }

    /// <summary>Holds a freed block back for its KeyID.</summary>
    /// <returns>False when it must be released instead.</returns>
    internal virtual bool TryKeep(int cpu, int frame, int order) => false;

    /// <summary>Gives blocks that were held back to the free lists.</summary>
    /// <returns>How many frames.</returns>
    internal virtual int Shrink(int cpu, int frames) => 0;

    /// <summary>
    /// Prepares for a KeyID's slot being cleared or programmed anew: no cache may hold a line of it afterwards.
    /// </summary>
    internal virtual void Retire(int cpu, ushort keyId)
    {
        if (Mutant != Mutant.SkipFlushOnRetire)
        {
            Memory.FlushEverything();
        }
    }

    /// <summary>Sets page_ext of every page of a block.</summary>
    protected void SetKeyId(int frame, int order, ushort keyId)
    {
        for (int i = 0; i < 1 << order; i++)
        {
            Pages.KeyId[frame + i] = keyId;
        }
    }

    /// <summary>Takes the references of a block's pages.</summary>
    protected void TakeReferences(ushort keyId, int order)
    {
        if (Mutant != Mutant.SkipPageReference)
        {
            Memory.Reference(keyId, Mutant == Mutant.OneReferencePerBlock ? 1 : 1 << order);
        }
    }

    /// <summary>Drops the references of a block's pages.</summary>
    protected void DropReferences(ushort keyId, int order)
    {
        if (Mutant != Mutant.SkipPageUnreference)
        {
            Memory.Unreference(keyId, 1 << order);
        }
    }

    /// <summary>Zeroes a block under its KeyID if that was asked for.</summary>
    protected void ZeroIfAsked(int cpu, int frame, int order, ushort keyId, bool zero)
    {
        if (zero && Mutant != Mutant.SkipZero)
        {
            Memory.Zero(cpu, frame, 1 << order, keyId);
        }
    }
}

/// <summary>Flush on allocation and on free (the later series): every free page is clean and has KeyID 0.</summary>
/// <remarks>Allocation flushes the KeyID-0 lines, free the keyed ones. Source: Linux RFC "x86/mm: Implement
/// prep_encrypted_page() and arch_free_page()".</remarks>
internal class AllocateAndFreePolicy : FlushPolicy
{
    /// <inheritdoc cref="FlushPolicy(PageArray, IFrameMemory, Mutant)"/>
    internal AllocateAndFreePolicy(PageArray pages, IFrameMemory memory, Mutant mutant)
        : base(pages, memory, mutant)
    {
    }

    /// <inheritdoc/>
    internal override string Name => "alloc-free";

    /// <inheritdoc/>
    internal override void Prepare(int cpu, int frame, int order, ushort keyId, bool zero)
    {
        if (keyId == 0)
        {
            ZeroIfAsked(cpu, frame, order, 0, zero);
            return;
        }

        if (Mutant == Mutant.ZeroBeforeKeyId)
        {
            ZeroIfAsked(cpu, frame, order, 0, zero);
        }

        FlushForAllocation(frame, order, keyId);
        if (Mutant != Mutant.SkipPageExt)
        {
            SetKeyId(frame, order, keyId);
        }

        if (Mutant != Mutant.ZeroBeforeKeyId)
        {
            ZeroIfAsked(cpu, frame, order, keyId, zero);
        }

        TakeReferences(keyId, order);
    }

    /// <inheritdoc/>
    internal override void Release(int cpu, int frame, int order)
    {
        ushort keyId = Pages.KeyId[frame];
        if (keyId == 0)
        {
            return;
        }

        FlushForFree(frame, order, keyId);
        if (Mutant != Mutant.KeepKeyIdOnFree)
        {
            SetKeyId(frame, order, 0);
        }

        DropReferences(keyId, order);
    }

    /// <inheritdoc/>
    internal override void Retire(int cpu, ushort keyId)
    {
        // Every page that had this KeyID was flushed when it was freed: nothing is left in any cache.
    }

    /// <summary>Flushes the KeyID-0 lines of a block that gets a KeyID.</summary>
    protected void FlushForAllocation(int frame, int order, ushort keyId)
    {
        int count = 1 << order;
        switch (Mutant)
        {
            case Mutant.SkipFlushOnAllocate:
                return;
            case Mutant.FlushNewAliasOnAllocate:
                Memory.Flush(frame, count, keyId);
                break;
            case Mutant.FlushHalfOnAllocate when order > 0:
                Memory.Flush(frame, count / 2, 0);
                break;
            case Mutant.FlushHalfOnAllocate:
                return;
            default:
                Memory.Flush(frame, count, 0);
                break;
        }

        Counts.OnAllocate += (ulong)count;
    }

    /// <summary>Flushes the keyed lines of a block that loses its KeyID.</summary>
    protected void FlushForFree(int frame, int order, ushort keyId)
    {
        int count = 1 << order;
        switch (Mutant)
        {
            case Mutant.SkipFlushOnFree:
                return;
            case Mutant.FlushPlatformAliasOnFree:
                Memory.Flush(frame, count, 0);
                break;
            case Mutant.FlushFirstPageOfBlock:
                Memory.Flush(frame, 1, keyId);
                break;
            case Mutant.FlushHalfOnFree when order > 0:
                Memory.Flush(frame, count / 2, keyId);
                break;
            case Mutant.FlushHalfOnFree:
                return;
            default:
                Memory.Flush(frame, count, keyId);
                break;
        }

        Counts.OnFree += (ulong)count;
    }
}

/// <summary>
/// A special allocation API on top of an allocator that knows nothing of keys (the reviewers' wish, measured slow).
/// </summary>
/// <remarks>
/// The plain allocator has already zeroed the page under KeyID 0 when the wrapper sees it, so the wrapper flushes and
/// zeroes again; and since it cannot know who gets the page next, it flushes on free too. Source: the same mail of
/// March 2018.
/// </remarks>
internal sealed class WrapperPolicy : AllocateAndFreePolicy
{
    /// <inheritdoc cref="FlushPolicy(PageArray, IFrameMemory, Mutant)"/>
    internal WrapperPolicy(PageArray pages, IFrameMemory memory, Mutant mutant)
        : base(pages, memory, mutant)
    {
    }

    /// <inheritdoc/>
    internal override string Name => "wrapper";

    /// <inheritdoc/>
    internal override void Prepare(int cpu, int frame, int order, ushort keyId, bool zero)
    {
        ZeroIfAsked(cpu, frame, order, 0, zero);
        if (keyId != 0)
        {
            base.Prepare(cpu, frame, order, keyId, zero);
        }
    }
}
