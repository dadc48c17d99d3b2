namespace Strongroom.Kernel;

/// <summary>Who runs where, and before whom. sched(7).</summary>
internal static unsafe class Scheduling
{
    private const nint PRIO_PROCESS = 0;
    private const nint SCHED_OTHER = 0;
    private const int MaskBytes = 1024;

    /// <summary>Sleeps for a moment; nanosleep(2). The framework's sleep knows milliseconds only.</summary>
    internal static void Sleep(System.TimeSpan time)
    {
        long* request = stackalloc long[2] { 0, (long)time.TotalNanoseconds };

        // SAFETY: the kernel reads a struct timespec, two words; under a second, so that the first is zero.
        _ = Libc.syscall(Libc.SYS_nanosleep, (nint)request, 0, 0, 0, 0, 0); // EINTR: early is as well
    }

    /// <summary>Lets a process run like this one: on every processor, without real-time priority, with this one's nice value.</summary>
    /// <param name="pid">A process with one thread.</param>
    /// <remarks>Best effort: what is refused (EPERM, ESRCH) stays as it was.</remarks>
    internal static void MakeOrdinary(int pid)
    {
        byte* mask = stackalloc byte[MaskBytes];
        new System.Span<byte>(mask, MaskBytes).Fill(0xff);

        // SAFETY: the kernel reads MaskBytes from the mask and one word from the parameter; both outlive the calls.
        int priority = 0;
        _ = Libc.syscall(Libc.SYS_sched_setaffinity, pid, MaskBytes, (nint)mask, 0, 0, 0);
        _ = Libc.syscall(Libc.SYS_sched_setscheduler, pid, SCHED_OTHER, (nint)(&priority), 0, 0, 0);
        nint own = 20 - Libc.syscall(Libc.SYS_getpriority, PRIO_PROCESS, 0, 0, 0, 0, 0); // the system call returns 20 - nice
        _ = Libc.syscall(Libc.SYS_setpriority, PRIO_PROCESS, pid, own, 0, 0, 0);
    }
}
