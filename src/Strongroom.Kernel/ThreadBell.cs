using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace Strongroom.Kernel;

/// <summary>Cuts short the blocking system call of one thread, with a signal whose handler does nothing.</summary>
/// <remarks>
/// waitpid(2) can wait for nothing but children, so another thread that has news must interrupt it. A signal that arrives just before the
/// call blocks would be lost, so the bell rings again every millisecond until the thread answers. The handler is one instruction of
/// machine code: no managed code runs in a signal handler.
/// </remarks>
internal sealed partial class ThreadBell : IDisposable
{
    private const int Signal = 40; // a real-time signal that neither libc nor the .NET runtime uses

    private readonly MachineCode _handler = MachineCode.Load(MachineCode.Assemble(static c => c.ret()));
    private readonly Timer _again;
    private readonly Lock _ringing = new(); // the timer runs exactly while it rings: left running, it would wake a thread a thousand times a second
    private volatile int _tid;
    private volatile bool _isRinging;

    /// <summary>Installs the handler.</summary>
    internal unsafe ThreadBell()
    {
        _again = new Timer(static bell => ((ThreadBell)bell!).Send(), this, Timeout.Infinite, Timeout.Infinite);
        sigaction action = new() { sa_handler = _handler.Address };
        if (SetAction(Signal, &action, null) != 0)
        {
            throw new KernelException(Marshal.GetLastPInvokeError(), "sigaction");
        }
    }

    /// <summary>Makes the calling thread the one that is rung for.</summary>
    internal void BindToThisThread() => _tid = (int)Libc.syscall(Libc.SYS_gettid, 0, 0, 0, 0, 0, 0);

    /// <summary>Ends ringing for good.</summary>
    internal void Unbind()
    {
        _tid = 0;
        Answer();
    }

    /// <summary>Interrupts the thread until it answers. Any thread.</summary>
    internal void Ring()
    {
        lock (_ringing)
        {
            _isRinging = true;
            _ = _again.Change(1, 1);
        }

        Send();
    }

    /// <summary>Says that the thread is awake and will look at its news. Called by that thread.</summary>
    internal void Answer()
    {
        if (_isRinging)
        {
            lock (_ringing)
            {
                _isRinging = false;
                _ = _again.Change(Timeout.Infinite, Timeout.Infinite);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Unbind();
        _again.Dispose();
        _handler.Dispose();
    }

    private void Send()
    {
        int tid = _tid;
        if (_isRinging && tid != 0)
        {
            _ = Libc.syscall(Libc.SYS_tgkill, Environment.ProcessId, tid, Signal, 0, 0, 0); // ESRCH: the thread has ended
        }
    }

    [LibraryImport("libc", EntryPoint = "sigaction", SetLastError = true)]
    private static unsafe partial int SetAction(int signal, sigaction* action, sigaction* old);
}

/// <summary>signal.h of glibc on x86-64; 152 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct sigaction
{
    internal nint sa_handler;
    internal fixed ulong sa_mask[16];
    internal int sa_flags;
    internal int padding;
    internal nint sa_restorer;
}
