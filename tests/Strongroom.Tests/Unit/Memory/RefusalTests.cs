using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Memory;
using Xunit;

namespace Strongroom.Tests.Unit.Memory;

/// <summary>A machine that cannot do what it is asked for leaves the VMAs and their references as they were.</summary>
public class RefusalTests
{
    private static readonly VirtualAddress s_start = new(0x10_0000);

    private readonly KeySlotTable _slots = new(2, _ => { });
    private readonly RefusingMachine _machine = new();

    [Fact]
    public void A_refused_change_of_key_or_protection_and_a_refused_move_change_nothing()
    {
        AddressSpace space = new(_slots, _machine);
        Assert.Equal(Errno.None, space.Map(new(4 * PageNumber.SizeBytes, new(Protection.ReadWrite), s_start, MapPlacement.Fixed), out _));
        Assert.True(_slots.TryReserve(out _) && _slots.TryReserve(out _));
        Assert.Equal(Errno.None, space.EncryptMprotect(new(1), s_start, 4 * PageNumber.SizeBytes, Protection.ReadWrite, KeyChangeData.Discard));
        _machine.Refusal = Errno.ENOMEM;
        Assert.Equal(Errno.ENOMEM, space.EncryptMprotect(new(2), s_start, PageNumber.SizeBytes, Protection.ReadWrite, KeyChangeData.Discard));
        Assert.Equal(Errno.ENOMEM, space.Protect(s_start, PageNumber.SizeBytes, Protection.Read));
        Assert.Equal(Errno.ENOMEM, space.Remap(
            s_start, PageNumber.SizeBytes, PageNumber.SizeBytes, RemapOptions.MayMove | RemapOptions.Fixed, new(0x20_0000), out VirtualAddress now));
        Assert.Equal(s_start, now);
        Vma vma = Assert.Single(space.Vmas);
        Assert.Equal((4L, Protection.ReadWrite, 1), (vma.PageCount, vma.Protection, vma.KeyId.Value));
        Assert.Equal([1, 0], new ushort[] { 1, 2 }.Select(number => _slots.GetReferences(new(number)).VmaCount));
    }

    private sealed class RefusingMachine : IMemoryMachine
    {
        internal Errno Refusal { get; set; }

        public Errno ChangeProtection(AddressRange range, Protection oldProtection, Protection newProtection) => Refusal;

        public Errno ChangeKey(in KeyChange change) => Refusal;

        public Errno Move(Vma vma, AddressRange range, VirtualAddress destination) => Refusal;

        public void Unmap(Vma vma, AddressRange range)
        {
        }

        public void Zap(Vma vma, AddressRange range)
        {
        }

        public void CopyForFork(IMemoryMachine child, Vma vma)
        {
        }
    }
}
