using System;
using Strongroom.Core;
using Strongroom.Keys;

namespace Strongroom.Memory;

/// <content>encrypt_mprotect, and its split form.</content>
public sealed partial class AddressSpace
{
    /// <summary>Gives a range a key and a protection in one step: encrypt_mprotect(addr, len, prot, serial).</summary>
    /// <param name="keys">The key service whose <see cref="KeyService.Slots"/> this address space uses.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">The key; viewing it is the only right that is needed.</param>
    /// <param name="address">Page-aligned, or EINVAL.</param>
    /// <param name="lengthBytes">A multiple of the page size, or EINVAL; in the first version rounded up.</param>
    /// <param name="request">PROT_ bits as passed.</param>
    /// <param name="data">What becomes of the contents.</param>
    /// <returns>
    /// Success, or, in the order of the checks: EINVAL (length); ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES (key); EINVAL
    /// (not a memory key, or one that has lost its KeyID); what <see cref="Protect"/> answers to its arguments; EINVAL
    /// (a VMA that starts before the end is not anonymous: nothing at all is changed); then as <see cref="Protect"/>.
    /// </returns>
    /// <remarks>
    /// A piece that has both already is left alone, contents and all. Otherwise it is emptied first, also when only the
    /// protection differs, unless its contents are to be kept. Source: patches 44/59 to 46/59 of July 2019.
    /// </remarks>
    public Errno EncryptMprotect(
        KeyService keys,
        KeyCaller caller,
        KeySerial serial,
        VirtualAddress address,
        ulong lengthBytes,
        ProtectionRequest request,
        KeyChangeData data = KeyChangeData.Discard)
    {
        Errno errno = HoldKey(keys, caller, serial, lengthBytes, out KeyHold hold);
        using KeyHold held = hold;
        return errno != Errno.None ? errno : EncryptMprotect(hold.KeyId, address, lengthBytes, request, data);
    }

    /// <summary>Gives a range a key and leaves its protection: the split form, sys_encrypt(key, addr, len).</summary>
    /// <param name="keys">As for <see cref="EncryptMprotect(KeyService, KeyCaller, KeySerial, VirtualAddress, ulong,
    /// ProtectionRequest, KeyChangeData)"/>.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">The key.</param>
    /// <param name="address">Page-aligned, or EINVAL.</param>
    /// <param name="lengthBytes">A multiple of the page size, or EINVAL.</param>
    /// <param name="data">What becomes of the contents.</param>
    /// <returns>As for encrypt_mprotect, but nothing about protection.</returns>
    public Errno Encrypt(
        KeyService keys,
        KeyCaller caller,
        KeySerial serial,
        VirtualAddress address,
        ulong lengthBytes,
        KeyChangeData data = KeyChangeData.Discard)
    {
        Errno errno = HoldKey(keys, caller, serial, lengthBytes, out KeyHold hold);
        using KeyHold held = hold;
        return errno != Errno.None ? errno : Encrypt(hold.KeyId, address, lengthBytes, data);
    }

    /// <summary>Gives a range a KeyID and a protection: what encrypt_mprotect does once it has found the key.</summary>
    /// <param name="keyId">A slot that the caller holds, or KeyID 0, which no call of a program can ask for.</param>
    /// <param name="address">Page-aligned, or EINVAL.</param>
    /// <param name="lengthBytes">Rounded up to pages; 0 succeeds and does nothing.</param>
    /// <param name="request">PROT_ bits as passed.</param>
    /// <param name="data">What becomes of the contents.</param>
    /// <returns>As for encrypt_mprotect, from the arguments of mprotect on.</returns>
    public Errno EncryptMprotect(
        KeyId keyId, VirtualAddress address, ulong lengthBytes, ProtectionRequest request, KeyChangeData data)
    {
        Errno errno = CheckProtectArguments(address, lengthBytes, request, out AddressRange range);
        return errno != Errno.None || range.IsEmpty ? errno
            : !IsAllAnonymous(range) ? Errno.EINVAL
            : ChangePieces(range, request.Protection, new(keyId, data));
    }

    /// <summary>Gives a range a KeyID: what the split form does once it has found the key.</summary>
    /// <param name="keyId">A slot that the caller holds.</param>
    /// <param name="address">Page-aligned, or EINVAL.</param>
    /// <param name="lengthBytes">Rounded up to pages; 0 succeeds and does nothing.</param>
    /// <param name="data">What becomes of the contents.</param>
    /// <returns>EINVAL, ENOMEM; what the machine refuses with.</returns>
    public Errno Encrypt(KeyId keyId, VirtualAddress address, ulong lengthBytes, KeyChangeData data)
    {
        Errno errno = CheckProtectArguments(address, lengthBytes, Protection.None, out AddressRange range);
        return errno != Errno.None || range.IsEmpty ? errno
            : !IsAllAnonymous(range) ? Errno.EINVAL
            : ChangePieces(range, protection: null, new(keyId, data));
    }

    private Errno HoldKey(KeyService keys, KeyCaller caller, KeySerial serial, ulong lengthBytes, out KeyHold hold)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Slots != Slots)
        {
            throw new ArgumentException("The key service has other slots than this address space.", nameof(keys));
        }

        hold = default;
        if (keys.IsLengthChecked && !IsAligned(lengthBytes))
        {
            return Errno.EINVAL;
        }

        Errno errno = keys.Hold(caller, serial, KeyPermissions.View, out hold);
        return errno != Errno.None ? errno : hold.KeyId.IsPlatform ? Errno.EINVAL : Errno.None;
    }

    /// <summary>Tells whether every VMA that starts before the end of a range is anonymous, also those after a
    /// hole.</summary>
    private bool IsAllAnonymous(AddressRange range)
    {
        for (Vma? vma = _vmas.FindAtOrAfter(range.Start); vma is not null && vma.Start.Value < range.End.Value;
            vma = _vmas.FindAtOrAfter(vma.End))
        {
            if (!vma.IsAnonymous && _options.Fault != VmaFault.KeyOnAnyBacking)
            {
                return false;
            }
        }

        return true;
    }

    private Errno ChangeKeyOfPiece(Vma vma, AddressRange part, VmaAttributes attributes, KeyChangeData data)
    {
        if (attributes == vma.Attributes && _options.Fault != VmaFault.KeyNoOpDiscards)
        {
            Counters.KeyNoOps++;
            return Errno.None;
        }

        Errno errno = Plan(vma, part, attributes);
        if (errno != Errno.None)
        {
            return errno;
        }

        // The machine stores pages under the new KeyID before a VMA with it exists.
        Slots.AddVma(attributes.KeyId);
        errno = Machine.ChangeKey(new(part, vma.Attributes, attributes, data));
        if (errno == Errno.None)
        {
            Splice();
            LeakReference(VmaFault.KeyChangeKeepsReference, vma);
            CountKeyChange(vma, part, attributes, data);
        }
        else
        {
            ForgetPlan();
        }

        Slots.DropVma(attributes.KeyId);
        return errno;
    }

    private void CountKeyChange(Vma vma, AddressRange part, VmaAttributes attributes, KeyChangeData data)
    {
        Counters.KeyChanges += attributes.KeyId != vma.KeyId ? 1 : 0;
        Counters.ProtectionChanges += attributes.Protection != vma.Protection ? 1 : 0;
        if (data == KeyChangeData.Discard)
        {
            CountZap(part);
        }
    }

    private void CountZap(AddressRange range)
    {
        Counters.Zaps++;
        Counters.PagesZapped += checked((long)(range.LengthBytes / PageNumber.SizeBytes));
    }
}
