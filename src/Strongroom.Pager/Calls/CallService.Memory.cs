using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Memory;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <content>encrypt_mprotect, its split form, secretmemfd, memory that a program serves itself, guard regions, and seccomp's strict mode.</content>
internal sealed partial class CallService
{
    /// <summary>Beside the bits of mprotect: keeps the contents when the key changes. STRONGROOM_PROT_KEEP of strongroom.h.</summary>
    internal const ulong KeepBit = 0x4000_0000;

    private const ulong SecretExclusive = 1;
    private const ulong SecretUncached = 2;

    private void EncryptMemory(WaitingCall call, CallerStatus caller)
    {
        bool isSplit = call.Number == _options.Encrypt;
        KeySerial serial = new(unchecked((int)(isSplit ? call.A : call.D)));
        ulong address = isSplit ? call.B : call.A;
        ulong length = isSplit ? call.C : call.B;
        if (_keys.IsLengthChecked && length % PageNumber.SizeBytes != 0)
        {
            Finish(call, Errno.EINVAL);
            return;
        }

        if (TryHold(call, caller, serial, out KeyHold hold, out KeyDomain? domain))
        {
            _tell(new MemoryCalled(new EncryptCall(_listener!, call, caller.ProcessId, hold, domain!)
            {
                Address = new(address),
                LengthBytes = length,
                Protection = isSplit ? null : new ProtectionRequest(call.C & ~KeepBit),
                Data = !isSplit && (call.C & KeepBit) != 0 ? KeyChangeData.Keep : KeyChangeData.Discard,
            }));
        }
    }

    // The argument is the range that is to be registered: its start and its length, 8 bytes each.
    private void YieldMemory(WaitingCall call)
    {
        Span<byte> range = stackalloc byte[16];
        if (RemoteMemory.Read(call.ThreadId, call.C, range) != range.Length || !CallerStatus.TryRead(call.ThreadId, out CallerStatus caller))
        {
            LetPass(call);
            return;
        }

        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(range) & ~(ulong)(PageNumber.SizeBytes - 1);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(range[8..]);
        AddressRange whole = new(new(start), new(length > ulong.MaxValue - start ? ulong.MaxValue : start + length));
        _tell(new MemoryCalled(new YieldCall(_listener!, call, caller.ProcessId, whole)));
    }

    private void ExposeMemory(WaitingCall call)
    {
        IReadOnlyList<AddressRange> ranges = GuardCall.RangesOf(call);
        if (ranges.Count > 0 && CallerStatus.TryRead(call.ThreadId, out CallerStatus caller))
        {
            _tell(new MemoryCalled(new GuardCall(_listener!, call, caller.ProcessId, ranges)));
        }
        else
        {
            LetPass(call);
        }
    }

    // Finds the key that a call names, or answers the call: ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES, EINVAL.
    private bool TryHold(WaitingCall call, CallerStatus caller, KeySerial serial, out KeyHold hold, out KeyDomain? domain)
    {
        hold = default;
        domain = null;
        if (!_carriers.ContainsKey(serial.Value))
        {
            _tracer.Post(new CallRequest(new ForeignKeyCall(this, call, serial)));
            return false;
        }

        Errno errno = MirrorOne(serial) ? _keys.Hold(caller.Caller, serial, KeyPermissions.View, out hold) : Errno.ENOKEY;
        domain = errno == Errno.None && !hold.KeyId.IsPlatform ? _table.Find(hold.KeyId) : null;
        if (domain is null)
        {
            hold.Dispose();
            Finish(call, errno != Errno.None ? errno : Errno.EINVAL);
        }

        return domain is not null;
    }

    // secretmemfd of July 2020, on the memfd_secret(2) that came of it. Without a mode the descriptor cannot be mapped.
    private void MakeSecretMemory(WaitingCall call)
    {
        ulong flags = call.A;
        if ((flags & ~(SecretExclusive | SecretUncached | Libc.O_CLOEXEC)) != 0
            || (flags & (SecretExclusive | SecretUncached)) == (SecretExclusive | SecretUncached))
        {
            Finish(call, Errno.EINVAL);
            return;
        }

        if ((flags & SecretUncached) != 0)
        {
            Finish(call, Errno.EOPNOTSUPP); // nothing in user space can make a mapping uncached
            return;
        }

        GiveFile(call, (uint)(flags & Libc.O_CLOEXEC), isKept: (flags & SecretExclusive) == 0, isMappable: (flags & SecretExclusive) != 0);
    }

    // A thread behind a filter cannot go into strict mode, and tells that there is a filter. Ours must not show.
    private void AskForSeccomp(WaitingCall call, CallerStatus caller)
    {
        bool isPrctl = call.Number == Libc.SYS_prctl;
        if (!isPrctl && call.A == Libc.SECCOMP_SET_MODE_FILTER && (call.B & Libc.SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
        {
            // The kernel allows one listener on the way to a thread. It says EBUSY; why is for who runs the program.
            Remark("A program wanted a seccomp listener of its own and was refused (EBUSY): run it with --keys off.");
        }

        bool isFilter = isPrctl
            ? call.A == Libc.PR_SET_SECCOMP && call.B == Libc.SECCOMP_MODE_FILTER
            : call.A == Libc.SECCOMP_SET_MODE_FILTER;
        if (isFilter)
        {
            _tell(new MemoryCalled(new FilterCall(_listener!, call, caller.ProcessId)));
        }
        else if ((!isPrctl && call.A != Libc.SECCOMP_SET_MODE_STRICT) || caller.FilterCount != 1
            || (isPrctl && call.A == Libc.PR_SET_SECCOMP && call.B != Libc.SECCOMP_MODE_STRICT))
        {
            LetPass(call);
        }
        else if (isPrctl && call.A == Libc.PR_GET_SECCOMP)
        {
            Finish(call, Errno.None);
        }
        else if (!isPrctl && (call.B != 0 || call.C != 0))
        {
            Finish(call, Errno.EINVAL);
        }
        else
        {
            _tracer.Post(new CallRequest(new StrictCall(_listener!, call, _pass)));
        }
    }
}
