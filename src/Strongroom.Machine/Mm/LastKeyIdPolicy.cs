namespace Strongroom.Machine.Mm;

/// <summary>
/// page_ext remembers the KeyID of the last use; a flush is needed only when the next use has another (versions 1 and
/// 2).
/// </summary>
/// <remarks>
/// A free page may have modified lines under its last KeyID. So leaving the flush out is safe exactly when the KeyID is
/// the same and nothing touched the page through another alias meanwhile (I4); and a KeyID whose slot is cleared needs
/// a flush of all caches first. Source: K. Shutemov, linux-mm, 29 March 2018 (3.6 % against 15 %); "MKTME enabling" of
/// July 2018, changelog of version 2.
/// </remarks>
internal sealed class LastKeyIdPolicy : FlushPolicy
{
    /// <inheritdoc cref="FlushPolicy(PageArray, IFrameMemory, Mutant)"/>
    internal LastKeyIdPolicy(PageArray pages, IFrameMemory memory, Mutant mutant)
        : base(pages, memory, mutant)
    {
    }

    /// <inheritdoc/>
    internal override string Name => "last-keyid";

    /// <inheritdoc/>
    internal override void Prepare(int cpu, int frame, int order, ushort keyId, bool zero)
    {
        for (int i = 0; i < 1 << order; i++)
        {
            ushort last = Pages.KeyId[frame + i];
            if (Mutant == Mutant.LastKeyIdOfFirstPage)
            {
                last = Pages.KeyId[frame];
            }

            if (last != keyId)
            {
                FlushOne(frame + i, last, keyId);
            }
            else if (keyId != 0)
            {
                Counts.Elided++;
            }
        }

        if (Mutant != Mutant.LastKeyIdNotRecorded && Mutant != Mutant.SkipPageExt)
        {
            SetKeyId(frame, order, keyId);
        }

        ZeroIfAsked(cpu, frame, order, Mutant == Mutant.ZeroBeforeKeyId ? (ushort)0 : keyId, zero);
        if (keyId != 0)
        {
            TakeReferences(keyId, order);
        }
    }

    /// <inheritdoc/>
    internal override void Release(int cpu, int frame, int order)
    {
        ushort keyId = Pages.KeyId[frame];
        if (keyId != 0)
        {
            DropReferences(keyId, order);
        }
    }

    private void FlushOne(int frame, ushort last, ushort keyId)
    {
        if (Mutant == Mutant.LastKeyIdAlwaysElides || (Mutant == Mutant.LastKeyIdIgnoresPlatform && keyId == 0))
        {
            return;
        }

        Memory.Flush(frame, 1, Mutant == Mutant.LastKeyIdFlushesNew ? keyId : last);
        Counts.OnAllocate++;
    }
}
