using System;
using System.Text;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <content>add_key(2), request_key(2), keyctl(2).</content>
internal sealed partial class CallService
{
    private const string KeyType = "mktme";
    private const int MaxTypeBytes = 32;
    private const int MaxDescriptionBytes = 4096;
    private const ulong MaxPayloadBytes = (1024 * 1024) - 1;
    private const uint CarrierSeconds = 60;

    // Which calls of keyctl(2) must not go to the kernel as they are; all others are the carrier's, or concern no memory key.
    private bool Concerns(WaitingCall call)
    {
        int serial = unchecked((int)call.B);
        return unchecked((int)call.A) switch
        {
            Libc.KEYCTL_SEARCH => true,
            Libc.KEYCTL_DESCRIBE or Libc.KEYCTL_UPDATE => _carriers.ContainsKey(serial),
            Libc.KEYCTL_SETPERM or Libc.KEYCTL_CHOWN or Libc.KEYCTL_SET_TIMEOUT => _carriers.ContainsKey(serial),
            Libc.KEYCTL_REVOKE or Libc.KEYCTL_INVALIDATE =>
                _options.Api == KeyApiVersion.Rfc1 && _carriers.ContainsKey(serial),
            _ => false,
        };
    }

    private void AddKey(WaitingCall call, CallerStatus caller)
    {
        if (CallBuffer.ReadString(call.ThreadId, call.A, MaxTypeBytes, out string type) != Errno.None || type != KeyType)
        {
            LetPass(call);
            return;
        }

        string description = "";
        Errno errno = call.D > MaxPayloadBytes ? Errno.EINVAL
            : call.B == 0 ? Errno.None
            : CallBuffer.ReadString(call.ThreadId, call.B, MaxDescriptionBytes, out description);
        if (errno != Errno.None)
        {
            Finish(call, errno);
            return;
        }

        CallBuffer buffer = TakeBuffer();
        if (!buffer.TryReadPayload(call.ThreadId, call.C, call.D) || !_listener!.IsWaiting(call.Id))
        {
            GiveBack(buffer);
            Finish(call, Errno.EFAULT);
            return;
        }

        Begin(new(this, call, caller, description, buffer) { Keyring = unchecked((int)call.E) });
    }

    // What a program has just unmapped may be all that holds the last slots, or the key that is updated.
    private void Begin(CarrierCall call)
    {
        if (call.MayMake)
        {
            _tell(new EventsAwaited(() => _tracer.Post(new CallRequest(call))));
        }
        else
        {
            _tracer.Post(new CallRequest(call));
        }
    }

    private void RequestKey(WaitingCall call, CallerStatus caller)
    {
        if (CallBuffer.ReadString(call.ThreadId, call.A, MaxTypeBytes, out string type) != Errno.None || type != KeyType)
        {
            LetPass(call);
            return;
        }

        Errno errno = CallBuffer.ReadString(call.ThreadId, call.B, MaxDescriptionBytes, out string description);
        CallBuffer? buffer = null;
        if (errno == Errno.None && call.C != 0)
        {
            buffer = TakeBuffer();
            errno = buffer.TryReadText(call.ThreadId, call.C) ? Errno.None : Errno.EFAULT;
        }

        if (errno != Errno.None)
        {
            Return(buffer);
            Finish(call, errno);
            return;
        }

        int destination = unchecked((int)call.D);
        Begin(new(this, call, caller, description, buffer)
        {
            Keyring = destination == 0 && buffer is not null ? Libc.KEY_SPEC_SESSION_KEYRING : destination,
            Search = CarrierSearch.Everywhere,
            Destination = destination,
        });
    }

    private void ControlKey(WaitingCall call, CallerStatus caller)
    {
        KeySerial serial = new(unchecked((int)call.B));
        switch (unchecked((int)call.A))
        {
            case Libc.KEYCTL_SEARCH:
                SearchKey(call, caller);
                break;
            case Libc.KEYCTL_DESCRIBE:
                DescribeKey(call, caller, serial);
                break;
            case Libc.KEYCTL_UPDATE:
                UpdateKey(call, caller, serial);
                break;
            case Libc.KEYCTL_SETPERM or Libc.KEYCTL_CHOWN:
                _tracer.Post(new CallRequest(new AttributeCall(this, call)));
                break;
            case Libc.KEYCTL_SET_TIMEOUT when !_keys.IsKept(serial, isRevoke: false):
                _carriers[serial.Value] = long.MaxValue; // the program's own timeout is not prolonged
                LetPass(call);
                break;
            case int operation when _keys.IsKept(serial, operation == Libc.KEYCTL_REVOKE):
                _tell(new EventsAwaited(() => RefuseIfKept(call, serial, operation == Libc.KEYCTL_REVOKE)));
                break;
            default:
                LetPass(call);
                break;
        }
    }

    private void RefuseIfKept(WaitingCall call, KeySerial serial, bool isRevoke)
    {
        if (_keys.IsKept(serial, isRevoke))
        {
            Finish(call, Errno.EPERM);
        }
        else
        {
            LetPass(call);
        }
    }

    private void SearchKey(WaitingCall call, CallerStatus caller)
    {
        if (CallBuffer.ReadString(call.ThreadId, call.C, MaxTypeBytes, out string type) != Errno.None || type != KeyType)
        {
            LetPass(call);
            return;
        }

        Errno errno = CallBuffer.ReadString(call.ThreadId, call.D, MaxDescriptionBytes, out string description);
        if (errno != Errno.None)
        {
            Finish(call, errno);
            return;
        }

        Begin(new(this, call, caller, description, null)
        {
            Keyring = unchecked((int)call.B),
            Search = CarrierSearch.FromKeyring,
            Destination = unchecked((int)call.E),
        });
    }

    private void DescribeKey(WaitingCall call, CallerStatus caller, KeySerial serial)
    {
        if (!MirrorOne(serial))
        {
            LetPass(call);
            return;
        }

        Errno errno = _keys.Describe(caller.Caller, serial, out string text);
        if (errno != Errno.None)
        {
            Finish(call, errno);
            return;
        }

        byte[] bytes = Encoding.Latin1.GetBytes(text + "\0");
        bool isWritten = call.C == 0 || call.D < (ulong)bytes.Length
            || RemoteMemory.Write(call.ThreadId, call.C, bytes) == bytes.Length;
        Finish(call, isWritten ? bytes.Length : -Libc.EFAULT);
    }

    private void UpdateKey(WaitingCall call, CallerStatus caller, KeySerial serial)
    {
        CallBuffer buffer = TakeBuffer();
        Errno errno = call.D > PageNumber.SizeBytes ? Errno.EINVAL
            : !buffer.TryReadPayload(call.ThreadId, call.C, call.D) ? Errno.EFAULT
            : !MirrorOne(serial) ? Errno.ENOKEY
            : Errno.None;
        if (errno != Errno.None)
        {
            GiveBack(buffer);
            Finish(call, errno);
            return;
        }

        _tell(new EventsAwaited(() =>
        {
            _keyrings.Choose(serial);
            errno = _keys.Update(caller.Caller, serial, buffer.Payload, buffer.Fields);
            GiveBack(buffer);
            Finish(call, errno);
        }));
    }

    // Looks at a key's carrier, and makes this thread's next calls of the key service about it.
    private bool MirrorOne(KeySerial serial)
    {
        _keyrings.Choose(serial);
        if (_carriers.ContainsKey(serial.Value) && !CarrierKeyrings.Mirror(_keys, serial))
        {
            _ = _carriers.TryRemove(serial.Value, out _);
            return false;
        }

        return true;
    }

    // Forgets the keys whose carriers are gone, and prolongs the life of the others: if the pager is killed, they expire.
    private void Sweep(bool isForced)
    {
        long now = Environment.TickCount64;
        foreach ((int serial, long prolonged) in _carriers)
        {
            int state = KernelKeys.Describe(serial, default);
            if (state == -Libc.ENOKEY)
            {
                _ = _carriers.TryRemove(serial, out _);
                _keys.Forget(new(serial));
            }
            else if (state is -Libc.EKEYREVOKED or -Libc.EKEYEXPIRED)
            {
                _keys.MirrorEnd(new(serial), (Errno)(-state));
            }
            else if (!isForced && prolonged != long.MaxValue && now - prolonged > CarrierSeconds * 1000 / 3)
            {
                _ = KernelKeys.SetTimeout(serial, CarrierSeconds); // EACCES: it was never given a timeout either
                _ = _carriers.TryUpdate(serial, now, prolonged);
            }
        }
    }

    private void Return(CallBuffer? buffer)
    {
        if (buffer is not null)
        {
            GiveBack(buffer);
        }
    }
}
