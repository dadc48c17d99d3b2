using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <content>Calls that the kernel answers in the caller, and whose answer is of use here.</content>
internal sealed partial class CallService
{
    /// <summary>keyctl_setperm(3) or keyctl_chown(3) of a carrier. The pager may not see the key any more afterwards.</summary>
    private sealed class AttributeCall : StoppedCall
    {
        private readonly CallService _service;
        private readonly WaitingCall _call;

        internal AttributeCall(CallService service, WaitingCall call)
            : base(service._listener!, call)
        {
            _service = service;
            _call = call;
        }

        internal override bool HasCalls => true;

        internal override long? Run(Injector injector)
        {
            KeySerial serial = new(unchecked((int)_call.B));
            long result = injector.Call(Libc.SYS_keyctl, _call.A, _call.B, _call.C, _call.D, _call.E, _service._pass);
            if (result == 0 && unchecked((int)_call.A) == Libc.KEYCTL_SETPERM)
            {
                _service._keys.MirrorPermissions(serial, new(unchecked((uint)_call.C)));
            }
            else if (result == 0)
            {
                _service._keys.MirrorOwner(serial, Id(_call.C), Id(_call.D));
            }

            return result;
        }

        private static uint? Id(ulong argument) => unchecked((uint)argument) is uint.MaxValue ? null : unchecked((uint)argument);
    }

    /// <summary>encrypt_mprotect with a serial that names no memory key: the caller's own view decides about the error.</summary>
    private sealed class ForeignKeyCall : StoppedCall
    {
        private readonly CallService _service;
        private readonly int _serial;

        internal ForeignKeyCall(CallService service, WaitingCall call, KeySerial serial)
            : base(service._listener!, call)
        {
            _service = service;
            _serial = serial.Value;
        }

        internal override bool HasCalls => true;

        internal override long? Run(Injector injector)
        {
            long result = injector.Call(
                Libc.SYS_keyctl, Libc.KEYCTL_DESCRIBE, unchecked((ulong)(long)_serial), 0, 0, 0, _service._pass);
            return result < 0 ? result : -(long)Errno.EINVAL;
        }
    }
}
