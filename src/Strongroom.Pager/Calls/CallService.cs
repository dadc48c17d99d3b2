using System;
using System.Collections.Concurrent;
using System.Threading;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Keys;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>Answers the system calls of the patch series for every program of the tree: the key type "mktme", encrypt_mprotect,
/// secretmemfd.</summary>
/// <remarks>
/// <para>
/// The program runs behind a seccomp filter that holds back these calls and no others. One thread receives them and hands them to the
/// thread pool; whatever does not concern a memory key goes on to the kernel at once. What needs the caller's own credentials is done
/// in the caller (<see cref="StoppedCall"/>), what changes memory by the pager thread (<see cref="MemoryCall"/>). Arguments are read
/// from the caller's memory by the pool's threads only: such a read may wait for the pager thread to open a page.
/// </para>
/// <para>Files: Keys (the key service's calls), Files (memory with a key of its own), Waits (for children), Memory (the others).
/// Thread safety: as said at each field.</para>
/// </remarks>
internal sealed partial class CallService : IDisposable
{
    private const int SweepMilliseconds = 250;
    private const ulong StopToken = 1;
    private const ulong ControlToken = 2;
    private const uint EPOLLHUP = 0x10;
    private static readonly uint[] s_traceRequests = [Libc.PTRACE_TRACEME, Libc.PTRACE_ATTACH, Libc.PTRACE_SEIZE];
    private static readonly uint[] s_seccompOptions = [Libc.PR_GET_SECCOMP, Libc.PR_SET_SECCOMP];

    private readonly PagerContext _context;              // any thread: MayWipeStaging, Files, passes; the rest only on the pager thread
    private readonly CallOptions _options;               // immutable
    private readonly Tracer _tracer;                     // its Post is for any thread
    private readonly Action<TracerNews> _tell;           // any thread
    private readonly KeyService _keys;                   // any thread
    private readonly HostKeyTable _table;                // any thread
    private readonly CarrierKeyrings _keyrings = new();  // any thread
    private readonly ConcurrentBag<CallBuffer> _buffers = [];
    private readonly ConcurrentDictionary<int, long> _carriers = new(); // serial, and when its life was last prolonged
    private readonly EventDescriptor _stop = new();
    private readonly CountdownEvent _works = new(1);     // what the thread pool was given and has not done, and one until the end
    private readonly ManualResetEvent _ending = new(false); // for those of them that wait for the pager thread
    private readonly ulong _pass;                        // immutable; the sixth argument of our own calls in a target
    private SeccompListener? _listener;                  // set once, before the thread starts
    private Thread? _thread;

    /// <summary>Prepares the service.</summary>
    /// <param name="context">What the tree shares; its rules for staging are set here.</param>
    /// <param name="options">Numbers and rules.</param>
    /// <param name="tracer">Who stops callers.</param>
    /// <param name="tell">Takes news to the pager thread; returns at once.</param>
    internal CallService(PagerContext context, CallOptions options, Tracer tracer, Action<TracerNews> tell)
    {
        _context = context;
        _options = options;
        _tracer = tracer;
        _tell = tell;
        _pass = KernelRandom.NextUInt64();
        _table = new(options.KeyIdBits, context.Pool, domain => tell(new KeyRetired(domain)));
        _keys = new(_table, _keyrings, new() { Api = options.Api, KeyIdBits = options.KeyIdBits, FillRandom = KernelRandom.Fill });
        _table.Slots = _keys.Slots;
    }

    /// <summary>Gets the key service.</summary>
    internal KeyService Keys => _keys;

    /// <summary>Gets the keys of the slots.</summary>
    internal HostKeyTable Table => _table;

    /// <summary>Gets why the calls are not there, or null.</summary>
    internal string? Refusal { get; private set; }

    /// <summary>Makes the filter that the program is put behind.</summary>
    /// <remarks>Calls that are decided by an argument run it each time, so the frequent ones come first; all others do not run it at
    /// all.</remarks>
    internal FilterProgram MakeFilter()
    {
        FilterProgram filter = new();
        filter.OnSecondUnlessSixth(Libc.SYS_ioctl, (uint)Libc.UFFDIO_REGISTER, _context.AgentPass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnSecond(Libc.SYS_ioctl, [SetKeyRequest], Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnSharedFileMapping(Libc.SYS_mmap, _context.MapPass, Libc.SECCOMP_RET_USER_NOTIF);
        GuardCall.AddTo(filter);
        PageLending.AddTo(filter, _context.AgentPass);
        ChildWait.AddTo(filter, _tracer.Agents.WaitPass);
        filter.OnSecond(Libc.SYS_kill, [Libc.SIGKILL, Libc.SIGSTOP], Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnFirst(Libc.SYS_ptrace, s_traceRequests, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnUnlessSixth(Libc.SYS_add_key, _pass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnUnlessSixth(Libc.SYS_request_key, _pass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnUnlessSixth(Libc.SYS_keyctl, _pass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(_options.EncryptMprotect, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(_options.SecretMemfd, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(_options.Encrypt, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(_options.Open, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnFirst(Libc.SYS_prctl, s_seccompOptions, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnUnlessSixth(Libc.SYS_seccomp, _pass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.Otherwise(Libc.SECCOMP_RET_ALLOW);
        return filter;
    }

    /// <summary>Takes the listener from the process that waits to execute the program, and begins to answer.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="remote">The descriptor's number there, or a negative errno: then there is no filter.</param>
    /// <exception cref="KernelException">The listener cannot be had although the filter is in force.</exception>
    internal void Start(int pid, int remote)
    {
        if (remote < 0)
        {
            Refusal = "The calls of the key service are not there: a seccomp filter that reports calls was refused "
                + $"({KernelException.Describe(-remote)}; it needs CAP_SYS_ADMIN and Linux 5.19).";
            return;
        }

        using PidDescriptor process = PidDescriptor.TryOpen(pid) ?? throw new KernelException(Libc.ESRCH, "pidfd_open");
        _listener = new(process.CopyDescriptor(remote));
        _tracer.OwnFilters = 1;
        _context.MayWipeStaging = true;
        _thread = new(Receive) { Name = "calls", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Stops answering and takes the carriers out of the keyrings.</summary>
    public void Dispose()
    {
        _stop.Signal();
        _thread?.Join();
        _ = _ending.Set();
        _ = _works.Signal();
        _works.Wait(); // a caller may have been killed while it was served: what serves it uses all that follows
        _works.Dispose();
        _ending.Dispose();
        foreach (int serial in _carriers.Keys)
        {
            _ = KernelKeys.Invalidate(serial); // EACCES: in a keyring of another user, where it expires by itself
        }

        _listener?.Dispose();
        _stop.Dispose();
        foreach (CallBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }

        _keyrings.Dispose();
        _table.Dispose();
    }

    private void Receive()
    {
        using Epoll epoll = new();
        epoll.Add(_listener!, 0);
        epoll.Add(_stop, StopToken);
        using ControlSocket? control = ControlSocket.TryListen(SocketName(Environment.ProcessId));
        if (control is not null)
        {
            epoll.Add(control, ControlToken);
        }

        epoll_event[] ready = new epoll_event[3];
        long swept = Environment.TickCount64;
        while (true)
        {
            int count = epoll.Wait(ready, SweepMilliseconds);
            for (int i = 0; i < count; i++)
            {
                if (ready[i].data == ControlToken)
                {
                    if (control!.TryAccept() is { } connection)
                    {
                        Begin(connection, static (service, connection) => service.AnswerQuestion(connection));
                    }

                    continue;
                }

                if (ready[i].data == StopToken || (ready[i].events & EPOLLHUP) != 0)
                {
                    return;
                }

                if (_listener!.TryReceive(out WaitingCall call))
                {
                    Dispatch(call);
                }
            }

            if (Environment.TickCount64 - swept >= SweepMilliseconds)
            {
                swept = Environment.TickCount64;
                Sweep(isForced: false);
            }
        }
    }

    private void Dispatch(WaitingCall call)
    {
        if (PageLending.Concerns(call.Number))
        {
            _context.MayWipeStaging = false; // before the call goes on: what is in staging now was moved before, and is not lent
            LetPass(call);
            return;
        }

        if (call.Number == Libc.SYS_ptrace)
        {
            Remark("A program wanted to trace another one (ptrace). Of the programs here, each traced by its pager, the kernel refuses it (EPERM).");
            LetPass(call);
            return;
        }

        if ((call.Number == Libc.SYS_keyctl && !Concerns(call))
            || (call.Number is Libc.SYS_mmap or Libc.SYS_ioctl && _context.Files.IsEmpty && !IsRegistration(call)))
        {
            LetPass(call);
            return;
        }

        if (call.Number == _options.EncryptMprotect || call.Number == _options.Encrypt)
        {
            Serve(call); // reads nothing of the caller's memory, so it never waits for the pager thread
            return;
        }

        Begin(call, static (service, call) => service.Serve(call));
    }

    // Called by the thread that Dispose joins, so that nothing begins behind its back.
    private void Begin<T>(T about, Action<CallService, T> work)
    {
        _works.AddCount();
        _ = ThreadPool.UnsafeQueueUserWorkItem(
            static given =>
            {
                given.Work(given.Service, given.About);
                _ = given.Service._works.Signal();
            },
            (Service: this, About: about, Work: work),
            false);
    }

    private void Serve(WaitingCall call)
    {
        try
        {
            Answer(call);
        }
        catch (KernelException)
        {
            Finish(call, -Libc.ENOMEM); // no secret memory, no descriptor: the caller hears of it, the others go on
        }
    }

    private void Answer(WaitingCall call)
    {
        if (IsRegistration(call))
        {
            YieldMemory(call);
        }
        else if (call.Number is Libc.SYS_mmap or Libc.SYS_ioctl)
        {
            AskForFile(call); // mostly none of ours: nothing else is looked at
        }
        else if (GuardCall.Concerns(call.Number))
        {
            ExposeMemory(call);
        }
        else if (ChildWait.Concerns(call.Number))
        {
            WaitForChild(call);
        }
        else if (call.Number == Libc.SYS_kill)
        {
            SendSignal(call);
        }
        else if (!CallerStatus.TryRead(call.ThreadId, out CallerStatus caller))
        {
            Finish(call, -Libc.ENOSYS); // gone, or in a PID namespace that is not seen from here
        }
        else if (call.Number == Libc.SYS_add_key)
        {
            AddKey(call, caller);
        }
        else if (call.Number == Libc.SYS_request_key)
        {
            RequestKey(call, caller);
        }
        else if (call.Number == Libc.SYS_keyctl)
        {
            ControlKey(call, caller);
        }
        else if (call.Number == _options.EncryptMprotect || call.Number == _options.Encrypt)
        {
            EncryptMemory(call, caller);
        }
        else if (call.Number == _options.SecretMemfd)
        {
            MakeSecretMemory(call);
        }
        else if (call.Number == _options.Open)
        {
            OpenKeyedFile(call);
        }
        else
        {
            AskForSeccomp(call, caller);
        }
    }

    private static bool IsRegistration(WaitingCall call) => call.Number == Libc.SYS_ioctl && (uint)call.B == (uint)Libc.UFFDIO_REGISTER;

    private void Remark(string text) => _tell(new EventsAwaited(() => _context.Statistics.Remarks.Add(text)));

    private void Finish(WaitingCall call, long result) => _ = _listener!.Answer(call.Id, result); // false: the caller is gone

    private void Finish(WaitingCall call, Errno errno) => Finish(call, -(long)errno);

    private void LetPass(WaitingCall call) => _ = _listener!.LetPass(call.Id); // false: the caller is gone

    private CallBuffer TakeBuffer() => _buffers.TryTake(out CallBuffer? buffer) ? buffer : new();

    private void GiveBack(CallBuffer buffer)
    {
        buffer.Wipe();
        _buffers.Add(buffer);
    }
}
