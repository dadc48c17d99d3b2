using Strongroom.Kernel;

namespace Strongroom.Pager.Calls;

/// <summary>
/// The system calls by which a program hands pages to the kernel that it goes on reading after the call: a page in staging may be one of
/// them, and overwriting it would change what a pipe, a socket or a disk gets.
/// </summary>
/// <remarks>
/// Pages that the kernel counts as pinned are not moved to staging at all; these are lent without being counted so. vmsplice(2); send(2),
/// MSG_ZEROCOPY; io_uring(7); open(2), O_DIRECT, which some file systems serve in this way. 32-bit calls of a 64-bit program are not seen.
/// </remarks>
internal static class PageLending
{
    private const uint ZeroCopy = 0x4000000;
    private const uint Direct = 0x4000;
    private const uint SetFlags = 4; // F_SETFL

    /// <summary>Lets a filter report the calls.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="pass">The sixth argument with which an agent lends staging pages, which is not reported.</param>
    internal static void AddTo(FilterProgram filter, ulong pass)
    {
        filter.OnSecondAndBits(Libc.SYS_fcntl, SetFlags, Direct, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(Libc.SYS_openat, 2, Direct, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(Libc.SYS_sendto, 3, ZeroCopy, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(Libc.SYS_sendmsg, 2, ZeroCopy, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(Libc.SYS_sendmmsg, 3, ZeroCopy, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(Libc.SYS_open, 1, Direct, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnUnlessSixth(Libc.SYS_vmsplice, pass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(Libc.SYS_io_uring_setup, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(Libc.SYS_openat2, Libc.SECCOMP_RET_USER_NOTIF);
    }

    /// <summary>Tells whether a reported call is one of them.</summary>
    internal static bool Concerns(long number) =>
        number is Libc.SYS_vmsplice or Libc.SYS_io_uring_setup or Libc.SYS_openat2 or Libc.SYS_sendto or Libc.SYS_sendmsg
            or Libc.SYS_sendmmsg or Libc.SYS_open or Libc.SYS_openat or Libc.SYS_fcntl;
}
