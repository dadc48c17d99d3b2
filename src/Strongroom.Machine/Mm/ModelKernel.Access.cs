using System;
using Strongroom.Core;
using Strongroom.Machine.Hardware;

namespace Strongroom.Machine.Mm;

internal sealed partial class ModelKernel : IFrameMemory
{
    private const int PageBytes = 4096;

    /// <summary>Gets the pages that were copied under two KeyIDs or one.</summary>
    internal ulong PagesCopied { get; private set; }

    /// <summary>Gets the shootdowns of one page and of everything.</summary>
    internal ulong Shootdowns { get; private set; }

    /// <inheritdoc/>
    void IFrameMemory.Flush(int frame, int count, ushort keyId)
    {
        ulong bus = Layout.WithKeyId((ulong)frame << 12, new KeyId(keyId));
        Platform.FlushLines(bus, count * PageBytes);
    }

    /// <inheritdoc/>
    void IFrameMemory.Zero(int cpu, int frame, int count, ushort keyId)
    {
        for (int i = 0; i < count; i++)
        {
            Platform.StoreZeros(cpu, TranslateKernel(cpu, DirectMap.ToVirtual(frame + i, keyId)), PageBytes);
        }
    }

    /// <inheritdoc/>
    void IFrameMemory.Reference(ushort keyId, int count)
    {
        _pageReferences[keyId] += count;
        if (_mutant != Mutant.RetireInUse)
        {
            Keys.Slots.AddPages(new KeyId(keyId), count);
        }
    }

    /// <inheritdoc/>
    void IFrameMemory.Unreference(ushort keyId, int count)
    {
        if (_pageReferences[keyId] < count)
        {
            throw new ModelViolationException($"I5: KeyID {keyId} loses {count} page references and has {_pageReferences[keyId]}.");
        }

        _pageReferences[keyId] -= count;
        if (_mutant != Mutant.RetireInUse)
        {
            Keys.Slots.DropPages(new KeyId(keyId), count);
        }
    }

    /// <inheritdoc/>
    void IFrameMemory.FlushEverything() => FlushCachesOfAllPackages();

    /// <summary>WBINVD on one CPU of each package.</summary>
    internal void FlushCachesOfAllPackages()
    {
        for (int package = 0; package < Platform.Config.Packages; package++)
        {
            Platform.WriteBackAndInvalidate(package * Platform.Config.CpusPerPackage);
        }
    }

    /// <summary>page_to_virt: where the kernel reaches a page under the KeyID that it has.</summary>
    internal ulong PageToVirtual(int frame) => DirectMap.ToVirtual(frame, Pages.KeyId[frame]);

    /// <summary>Reads a page's bytes as the kernel does, through the direct map of its KeyID.</summary>
    internal void ReadPage(int cpu, int frame, Span<byte> bytes) =>
        Platform.Load(cpu, TranslateKernel(cpu, PageToVirtual(frame)), bytes);

    /// <summary>Writes a page's bytes as the kernel does.</summary>
    internal void WritePage(int cpu, int frame, ReadOnlySpan<byte> bytes) =>
        Platform.Store(cpu, TranslateKernel(cpu, PageToVirtual(frame)), bytes);

    /// <summary>Copies a page through the two direct maps (copy_user_highpage).</summary>
    internal void CopyPage(int cpu, int from, int to)
    {
        PagesCopied++;
        Span<byte> line = stackalloc byte[CacheShape.LineBytes];
        ushort alias = _mutant == Mutant.CopyReadsPlatformAlias ? (ushort)0 : Pages.KeyId[from];
        ulong source = TranslateKernel(cpu, DirectMap.ToVirtual(from, alias));
        ulong destination = TranslateKernel(cpu, PageToVirtual(to));
        for (ulong at = 0; at < PageBytes; at += CacheShape.LineBytes)
        {
            Platform.Load(cpu, source + at, line);
            Platform.Store(cpu, destination + at, line);
        }
    }

    /// <summary>Tells whether two pages hold the same bytes; read through their own KeyIDs.</summary>
    internal bool PagesAreEqual(int cpu, int left, int right)
    {
        Span<byte> one = stackalloc byte[CacheShape.LineBytes];
        Span<byte> other = stackalloc byte[CacheShape.LineBytes];
        ulong first = TranslateKernel(cpu, PageToVirtual(left));
        ulong second = TranslateKernel(cpu, PageToVirtual(right));
        for (ulong at = 0; at < PageBytes; at += CacheShape.LineBytes)
        {
            Platform.Load(cpu, first + at, one);
            Platform.Load(cpu, second + at, other);
            if (!one.SequenceEqual(other))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Translates a kernel address to a bus address, by TLB or by a walk.</summary>
    /// <exception cref="KernelPageFaultException">The maps have no present entry there.</exception>
    internal ulong TranslateKernel(int cpu, ulong address)
    {
        Tlb tlb = _tlbs[cpu];
        if (!tlb.TryFind(Tlb.GlobalSpace, address, out ulong pte, out PageSize size))
        {
            if (!DirectMap.TryWalk(address, out pte, out size))
            {
                throw new KernelPageFaultException(address);
            }

            tlb.Insert(Tlb.GlobalSpace, address, size, pte);
        }

        return BusAddress(pte, size, address);
    }

    /// <summary>Joins an entry and an address of its page to a bus address.</summary>
    internal ulong BusAddress(ulong pte, PageSize size, ulong address)
    {
        ulong offsetMask = (1ul << (12 + ((int)size * 9))) - 1;
        return (pte & (Layout.FrameMask | Layout.KeyIdMask) & ~offsetMask) | (address & offsetMask);
    }

    /// <summary>Gets the TLBs of a CPU.</summary>
    internal Tlb TlbOf(int cpu) => _tlbs[cpu];

    /// <summary>Makes all CPUs forget a page of a process (an inter-processor interrupt on a real machine).</summary>
    internal void ShootDown(ushort space, ulong address)
    {
        Shootdowns++;
        int last = _mutant == Mutant.SkipTlbShootdown ? 1 : _tlbs.Length;
        for (int cpu = 0; cpu < last; cpu++)
        {
            _tlbs[cpu].FlushPage(space, address);
        }
    }

    /// <summary>Makes all CPUs forget everything.</summary>
    internal void FlushAllTlbs()
    {
        Shootdowns++;
        foreach (Tlb tlb in _tlbs)
        {
            tlb.FlushAll();
        }
    }
}
