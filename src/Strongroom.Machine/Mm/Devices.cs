using System;
using Strongroom.Core;
using Strongroom.Machine.Hardware;

namespace Strongroom.Machine.Mm;

/// <summary>A device behind an IOMMU whose entries carry the page's KeyID.</summary>
/// <remarks>
/// DMA is coherent with lines of the same KeyID and blind to all others, so an entry with the wrong KeyID is the
/// hazard. Source: Linux RFC "iommu/vt-d: Support MKTME in DMA remapping".
/// </remarks>
internal sealed class DmaDevice
{
    private readonly ModelKernel _kernel;

    /// <summary>Attaches a device.</summary>
    internal DmaDevice(ModelKernel kernel)
    {
        _kernel = kernel;
    }

    /// <summary>Makes the IOMMU entry for a pinned page: its frame and its KeyID.</summary>
    internal ulong Map(int frame)
    {
        ushort keyId = _kernel.Mutant == Mutant.DmaIgnoresKeyId ? (ushort)0 : _kernel.Pages.KeyId[frame];
        return _kernel.Layout.WithKeyId((ulong)frame << 12, new KeyId(keyId));
    }

    /// <summary>Writes to memory as a device does.</summary>
    internal void Write(ulong entry, int offset, ReadOnlySpan<byte> bytes) =>
        _kernel.Platform.StoreUncached(entry + (ulong)offset, bytes);

    /// <summary>Reads from memory as a device does.</summary>
    internal void Read(ulong entry, int offset, Span<byte> bytes) =>
        _kernel.Platform.LoadUncached(entry + (ulong)offset, bytes);
}

/// <summary>Second-level tables of a guest: each entry carries the KeyID of the host page (KVM's spte).</summary>
/// <remarks>Source: Linux RFC "kvm, x86, mmu: setup MKTME keyID to spte for given PFN".</remarks>
internal sealed class GuestMemory
{
    private readonly ModelKernel _kernel;
    private readonly ulong[] _sptes;

    /// <summary>Makes a guest with no memory.</summary>
    /// <param name="kernel">The host.</param>
    /// <param name="pages">The guest's physical pages.</param>
    internal GuestMemory(ModelKernel kernel, int pages)
    {
        _kernel = kernel;
        _sptes = new ulong[pages];
    }

    /// <summary>Backs a guest page by a pinned page of the process that runs the guest.</summary>
    /// <returns>What the pin answers.</returns>
    internal Errno Map(Process process, int cpu, int guestPage, ulong address)
    {
        Errno errno = _kernel.Pin(process, cpu, address, forWriting: true, out int frame);
        if (errno == Errno.None)
        {
            _sptes[guestPage] = Pte.Make(_kernel.Layout, frame, _kernel.Pages.KeyId[frame], Pte.Present | Pte.Writable);
        }

        return errno;
    }

    /// <summary>Drops a guest page.</summary>
    internal void Unmap(int cpu, int guestPage)
    {
        int frame = Pte.Frame(_kernel.Layout, _sptes[guestPage]);
        _sptes[guestPage] = 0;
        _kernel.Unpin(cpu, frame);
    }

    /// <summary>A guest's load, through its second-level tables.</summary>
    internal ulong Load(int cpu, ulong guestAddress) =>
        _kernel.Platform.Load(cpu, Translate(guestAddress));

    /// <summary>A guest's store.</summary>
    internal void Store(int cpu, ulong guestAddress, ulong value) =>
        _kernel.Platform.Store(cpu, Translate(guestAddress), value);

    private ulong Translate(ulong guestAddress)
    {
        ulong spte = _sptes[guestAddress >> 12];
        return (spte & Pte.Present) != 0 ? _kernel.BusAddress(spte, PageSize.Small, guestAddress)
            : throw new ModelViolationException($"A guest uses 0x{guestAddress:x}, which its host has not mapped.");
    }
}
