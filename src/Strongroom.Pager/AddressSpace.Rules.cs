using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Memory;
using Strongroom.Pager.Calls;

namespace Strongroom.Pager;

/// <content>The rules of encrypt_mprotect, applied to the VMAs that the kernel shows.</content>
internal sealed partial class AddressSpace
{
    /// <summary>A picture, for one call, of the VMAs that it concerns. The rules are those of <see cref="Memory.AddressSpace"/>, which the
    /// modelled machine uses too; what they decide is done to the real memory.</summary>
    private sealed class RangeRules : IMemoryMachine
    {
        private readonly AddressSpace _space;
        private readonly EncryptCall _call;
        private readonly Memory.AddressSpace _picture;

        internal RangeRules(AddressSpace space, EncryptCall call, ProcMaps maps)
        {
            _space = space;
            _call = call;
            _picture = new(space._context.Slots!, this);
            ulong end = call.LengthBytes > ulong.MaxValue - call.Address.Value
                ? ulong.MaxValue : call.Address.Value + call.LengthBytes;
            foreach (Kernel.Vma vma in maps)
            {
                if (vma.Range.End.Value > call.Address.Value && vma.Range.Start.Value < end)
                {
                    Draw(vma);
                }
            }
        }

        public Errno ChangeKey(in KeyChange change) => _space.ChangeKey(change, _call.Domain);

        public Errno ChangeProtection(AddressRange range, Protection oldProtection, Protection newProtection) => Errno.None;

        public Errno Move(Memory.Vma vma, AddressRange range, VirtualAddress destination) => Errno.None;

        public void Unmap(Memory.Vma vma, AddressRange range)
        {
        }

        public void Zap(Memory.Vma vma, AddressRange range)
        {
        }

        public void CopyForFork(IMemoryMachine child, Memory.Vma vma)
        {
        }

        internal Errno Apply()
        {
            try
            {
                return _call.Protection is { } protection
                    ? _picture.EncryptMprotect(_call.Domain.KeyId, _call.Address, _call.LengthBytes, protection, _call.Data)
                    : _picture.Encrypt(_call.Domain.KeyId, _call.Address, _call.LengthBytes, _call.Data);
            }
            finally
            {
                _ = _picture.Unmap(default, 0x7fff_ffff_f000); // gives back the picture's own references
            }
        }

        // The kernel may show as one VMA what carries several keys.
        private void Draw(in Kernel.Vma vma)
        {
            Protection protection = ProtectionRuleOf(vma);
            VmaTraits traits = vma.Kind == VmaKind.Stack ? VmaTraits.GrowsDown : VmaTraits.None;
            VmaAttributes plain = new(protection, Protection.All, traits, default, BackingOf(vma.Kind));
            ulong at = vma.Range.Start.Value;
            foreach (KeyRange keyed in _space._keyRanges.All)
            {
                AddressRange part = keyed.Range.Intersect(vma.Range);
                if (!part.IsEmpty && plain.Backing.IsAnonymous)
                {
                    Map(new(new(at), part.Start), plain);
                    Map(part, plain.WithKeyId(keyed.Domain.KeyId));
                    at = part.End.Value;
                }
            }

            Map(new(new(at), vma.Range.End), plain);
        }

        // Refused only for what lies above the user's part of the address space.
        private void Map(AddressRange range, VmaAttributes attributes)
        {
            if (!range.IsEmpty)
            {
                _ = _picture.Map(new(range.LengthBytes, attributes, range.Start, MapPlacement.Fixed), out _);
            }
        }

        private static VmaBacking BackingOf(VmaKind kind) => kind switch
        {
            <= VmaKind.Stack => VmaBacking.Anonymous,
            VmaKind.FilePrivate => new(VmaBackingKind.PrivateFile, ""),
            VmaKind.FileShared => new(VmaBackingKind.SharedFile, ""),
            VmaKind.SharedMemory => new(VmaBackingKind.SharedAnonymous, ""),
            VmaKind.HugeTlb => new(VmaBackingKind.HugeTlb, ""),
            _ => new(VmaBackingKind.Device, ""),
        };
    }
}
