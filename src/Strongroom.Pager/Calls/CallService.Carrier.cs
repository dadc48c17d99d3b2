using System;
using System.Text;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>How a carrier is looked for before one is made.</summary>
internal enum CarrierSearch
{
    /// <summary>Not at all: add_key(2).</summary>
    None,

    /// <summary>In the caller's keyrings: request_key(2).</summary>
    Everywhere,

    /// <summary>From a keyring downwards: keyctl_search(3).</summary>
    FromKeyring,
}

/// <content>Calls that find or make a carrier, which the caller itself does.</content>
internal sealed partial class CallService
{
    // On the tracer thread. True: `serial` is a new or updated memory key.
    private long Instantiate(KeySerial serial, string description, CallerStatus caller, CallBuffer buffer)
    {
        _keyrings.Choose(serial);
        Errno errno = _keys.Add(caller.Caller, description, buffer.Payload, serial, buffer.Fields, out _);
        if (errno is Errno.ENOKEY or Errno.EDQUOT)
        {
            Sweep(isForced: true); // a slot may have become free without a call of ours
            errno = _keys.Add(caller.Caller, description, buffer.Payload, serial, buffer.Fields, out _);
        }

        return errno == Errno.None ? serial.Value : -(long)errno;
    }

    private void Adopt(int serial)
    {
        bool mayExpire = KernelKeys.SetTimeout(serial, CarrierSeconds) == 0;
        _ = _carriers.TryAdd(serial, mayExpire ? Environment.TickCount64 : long.MaxValue);
    }

    /// <summary>A call that finds or makes a carrier in the calling thread.</summary>
    private sealed class CarrierCall : StoppedCall
    {
        private const int MapPrivateAnonymous = 0x22;
        private const int ProtReadWrite = 3;
        private const int ScratchBytes = 2 * PageNumber.SizeBytes;
        private const int PayloadOffset = 8;
        private const int DescriptionOffset = 16;

        private readonly CallService _service;
        private readonly CallerStatus _caller;
        private readonly string _description;
        private readonly CallBuffer? _buffer;

        internal CarrierCall(
            CallService service, WaitingCall call, CallerStatus caller, string description, CallBuffer? buffer)
            : base(service._listener!, call)
        {
            _service = service;
            _caller = caller;
            _description = description;
            _buffer = buffer;
        }

        internal int Keyring { get; init; }

        internal int Destination { get; init; }

        internal CarrierSearch Search { get; init; }

        internal bool MayMake => _buffer is not null;

        internal override bool HasCalls => true;

        internal override void Abandon() => _service.Return(_buffer);

        internal override long? Run(Injector injector)
        {
            try
            {
                return RunWithScratch(injector);
            }
            finally
            {
                _service.Return(_buffer);
            }
        }

        // New memory is never registered with the pager's userfaultfd, so writing to it does not wait for the pager thread.
        private long RunWithScratch(Injector injector)
        {
            byte[] description = Encoding.Latin1.GetBytes(CarrierKeyrings.Prefix + _description + "\0");
            byte[] text = new byte[DescriptionOffset + description.Length];
            _ = Encoding.ASCII.GetBytes(CarrierKeyrings.Type, text);
            description.CopyTo(text, DescriptionOffset);
            long scratch = injector.Call(
                Libc.SYS_mmap, 0, ScratchBytes, ProtReadWrite, MapPrivateAnonymous, ulong.MaxValue, 0);
            if (scratch is < 0 and >= -4095)
            {
                return scratch;
            }

            try
            {
                return RemoteMemory.Write(ThreadId, (ulong)scratch, text) == text.Length
                    ? Find(injector, (ulong)scratch)
                    : -Libc.EFAULT;
            }
            finally
            {
                _ = injector.Call(Libc.SYS_munmap, (ulong)scratch, ScratchBytes); // best effort: it is ending
            }
        }

        private long Find(Injector injector, ulong scratch)
        {
            ulong description = scratch + DescriptionOffset;
            ulong pass = _service._pass;
            long found = Search switch
            {
                CarrierSearch.Everywhere => injector.Call(
                    Libc.SYS_request_key, scratch, description, 0, Number(Destination), 0, pass),
                CarrierSearch.FromKeyring => injector.Call(
                    Libc.SYS_keyctl, Libc.KEYCTL_SEARCH, Number(Keyring), scratch, description, Number(Destination), pass),
                _ => -Libc.ENOKEY,
            };
            return found == -Libc.ENOKEY && _buffer is not null ? Make(injector, scratch) : found;
        }

        private long Make(Injector injector, ulong scratch)
        {
            long serial = AddCarrier(injector, scratch);
            bool isKnown = serial > 0 && _service._keys.IsMemoryKey(new((int)serial));
            if (isKnown && !_service._keys.HasUpdate)
            {
                // The kernel updates a carrier of that name; without an update the new key takes the old one's place.
                _ = Unlink(injector, serial); // what it answers, the next call answers too
                serial = AddCarrier(injector, scratch);
                isKnown = serial > 0 && _service._keys.IsMemoryKey(new((int)serial));
                if (isKnown)
                {
                    _service._keys.Forget(new((int)serial)); // linked elsewhere too: the same carrier, another key
                    isKnown = false;
                }
            }

            if (serial <= 0)
            {
                return serial;
            }

            if (isKnown)
            {
                _ = CarrierKeyrings.Mirror(_service._keys, new((int)serial)); // just found alive
            }

            long result = _service.Instantiate(new((int)serial), _description, _caller, _buffer!);
            if (result > 0)
            {
                _service.Adopt((int)serial);
            }
            else if (!isKnown)
            {
                _ = Unlink(injector, serial); // it carries nothing; what unlinking answers does not matter
            }

            return result;
        }

        private long AddCarrier(Injector injector, ulong scratch) => injector.Call(
            Libc.SYS_add_key, scratch, scratch + DescriptionOffset, scratch + PayloadOffset, 1, Number(Keyring), _service._pass);

        private long Unlink(Injector injector, long serial) => injector.Call(
            Libc.SYS_keyctl, Libc.KEYCTL_UNLINK, (ulong)serial, Number(Keyring), 0, 0, _service._pass);

        private static ulong Number(int serial) => unchecked((ulong)(long)serial);
    }
}
