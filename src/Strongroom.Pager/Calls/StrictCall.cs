using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Calls;

/// <summary>Puts a thread into what seccomp's strict mode is: read, write, exit and rt_sigreturn, and death for anything else.</summary>
/// <remarks>
/// The kernel refuses strict mode to a thread behind a filter, so it is a second filter, whose SIGSYS the tracer turns into the end
/// that strict mode has. One thing differs: a page of the program's memory holds the filter.
/// </remarks>
internal sealed class StrictCall : StoppedCall
{
    private const int MapPrivateAnonymous = 0x22;
    private const int ProtReadWrite = 3;

    private readonly ulong _pass;

    /// <summary>Notes the call.</summary>
    /// <param name="listener">Where it was received.</param>
    /// <param name="call">The call.</param>
    /// <param name="pass">The sixth argument with which seccomp(2) is not reported.</param>
    internal StrictCall(SeccompListener listener, WaitingCall call, ulong pass)
        : base(listener, call) => _pass = pass;

    /// <inheritdoc/>
    internal override bool HasCalls => true;

    /// <inheritdoc/>
    internal override long? Run(Injector injector)
    {
        FilterProgram filter = new(Libc.SECCOMP_RET_TRAP);
        foreach (int allowed in (int[])[0, 1, 15, 60]) // read, write, rt_sigreturn, exit
        {
            filter.On(allowed, Libc.SECCOMP_RET_ALLOW);
        }

        filter.Otherwise(Libc.SECCOMP_RET_TRAP);
        long page = injector.Call(
            Libc.SYS_mmap, 0, PageNumber.SizeBytes, ProtReadWrite, MapPrivateAnonymous, ulong.MaxValue, 0);
        if (page is < 0 and >= -4095)
        {
            return page;
        }

        byte[] program = filter.ToBytes((ulong)page);
        if (RemoteMemory.Write(ThreadId, (ulong)page, program) != program.Length)
        {
            return -Libc.EFAULT;
        }

        long result = injector.Call(Libc.SYS_prctl, Libc.PR_SET_NO_NEW_PRIVS, 1);
        return result < 0 ? result : injector.Call(Libc.SYS_seccomp, Libc.SECCOMP_SET_MODE_FILTER, 0, (ulong)page, 0, 0, _pass);
    }
}
