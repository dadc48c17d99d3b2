using System.Globalization;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <content>The driver form: a descriptor of secret memory that owns a key.</content>
internal sealed partial class CallService
{
    /// <summary>The request by which ioctl(2) gives such a descriptor its key. STRONGROOM_SET_KEY of strongroom.h.</summary>
    internal const uint SetKeyRequest = 0xb54b;

    private const int ZoneAttempts = 4;
    private const int ZoneShift = 14;

    private void OpenKeyedFile(WaitingCall call)
    {
        if ((call.A & ~(ulong)Libc.O_CLOEXEC) != 0)
        {
            Finish(call, Errno.EINVAL);
            return;
        }

        GiveFile(call, (uint)call.A, isKept: true, isMappable: true);
    }

    // A file that is kept is watched until nobody has it any more. Before the caller gets it, for then it may be used at once.
    private void GiveFile(WaitingCall call, uint flags, bool isKept, bool isMappable)
    {
        SecretFile? memory = SecretFile.TryMake(out int refusal);
        if (memory is null)
        {
            Finish(call, -refusal);
            return;
        }

        if (isKept)
        {
            _ = _context.Files.TryAdd(memory.Identity, new(memory, _keys.Slots) { IsMappable = isMappable }); // inode numbers are unique
        }

        int given = _listener!.GiveDescriptor(call.Id, memory, flags);
        if (!isKept)
        {
            memory.Dispose();
        }

        Finish(call, given); // negative: nobody has it, and one that is kept is found to be unowned
    }

    // Waits for no file system: /proc/TID/fd is followed to the open file itself.
    private KeyedFile? FindFile(int threadId, ulong descriptor) =>
        !_context.Files.IsEmpty
        && SecretFile.TryIdentify(
            string.Create(CultureInfo.InvariantCulture, $"/proc/{threadId}/fd/{unchecked((int)descriptor)}"), out VmaFile identity, out _)
        && _context.Files.TryGetValue(identity, out KeyedFile? file)
            ? file : null;

    private void AskForFile(WaitingCall call)
    {
        bool isMap = call.Number == Libc.SYS_mmap;
        if (FindFile(call.ThreadId, isMap ? call.E : call.A) is not { } file
            || !CallerStatus.TryRead(call.ThreadId, out CallerStatus caller))
        {
            LetPass(call);
        }
        else if (isMap)
        {
            MapFile(call, file);
        }
        else
        {
            SetFileKey(call, caller, file);
        }
    }

    private void SetFileKey(WaitingCall call, CallerStatus caller, KeyedFile file)
    {
        KeySerial serial = new(unchecked((int)call.C));
        if (TryHold(call, caller, serial, out KeyHold hold, out KeyDomain? domain))
        {
            _tell(new EventsAwaited(() =>
            {
                Errno errno = file.SetKey(domain!);
                hold.Dispose();
                Finish(call, errno);
            }));
        }
    }

    // The file must be open from before the mapping is made until it is known to have been.
    private void MapFile(WaitingCall call, KeyedFile file)
    {
        if (!file.IsMappable)
        {
            Finish(call, Errno.EINVAL);
            return;
        }

        _tell(new EventsAwaited(() =>
        {
            file.PendingMaps++;
            _context.Statistics.OpenedPages += System.Math.Max(0, file.Open(_context.Tick)); // negative: its key was destroyed
            _tracer.Post(new CallRequest(new FileMapCall(this, call, file)));
        }));
    }

    /// <summary>mmap(2) of a file that owns a key, made in the caller. Where the place is free to choose it is one that the kernel gives to
    /// nothing else, so that the mapping can be replaced while the file is sealed.</summary>
    private sealed class FileMapCall : StoppedCall
    {
        private const ulong FixedFlags = Libc.MAP_FIXED | Libc.MAP_FIXED_NOREPLACE;

        private readonly CallService _service;
        private readonly WaitingCall _call;
        private readonly KeyedFile _file;

        internal FileMapCall(CallService service, WaitingCall call, KeyedFile file)
            : base(service._listener!, call)
        {
            _service = service;
            _call = call;
            _file = file;
        }

        internal override bool HasCalls => true;

        internal override void Abandon() => End();

        internal override long? Run(Injector injector)
        {
            try
            {
                long result = -Libc.EEXIST;
                for (int i = 0; i < ZoneAttempts && result == -Libc.EEXIST && _call.A == 0 && (_call.D & FixedFlags) == 0; i++)
                {
                    ulong place = AddressSpace.FileZoneStart + ((ulong)(KernelRandom.NextUInt32() >> 1) << ZoneShift);
                    result = Map(injector, place, _call.D | Libc.MAP_FIXED_NOREPLACE);
                }

                return result is -Libc.EEXIST or -Libc.ENOMEM ? Map(injector, _call.A, _call.D) : result;
            }
            finally
            {
                End();
            }
        }

        private long Map(Injector injector, ulong address, ulong flags) => injector.Call(
            Libc.SYS_mmap, address, _call.B, _call.C, flags, (_call.E & uint.MaxValue) | ((ulong)_service._context.MapPass << 32), _call.F);

        private void End() => _service._tell(new EventsAwaited(() =>
        {
            _file.PendingMaps--;
            _file.UsedAtTick = _service._context.Tick;
        }));
    }
}
