using Strongroom.Kernel;
using Strongroom.Pager.Agent;

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
    private const int OpenCall = 2;
    private const int FileControl = 72;
    private const int OpenAt = 257;
    private const int IoUringSetup = 425;
    private const int OpenAt2 = 437;
    private const uint ZeroCopy = 0x4000000;
    private const uint Direct = 0x4000;
    private const uint SetFlags = 4; // F_SETFL

    /// <summary>Lets a filter report the calls.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="pass">The sixth argument with which an agent lends staging pages, which is not reported.</param>
    internal static void AddTo(FilterProgram filter, ulong pass)
    {
        filter.OnSecondAndBits(FileControl, SetFlags, Direct, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(OpenAt, 2, Direct, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(SystemCall.SendTo, 3, ZeroCopy, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(SystemCall.SendMessage, 2, ZeroCopy, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(SystemCall.SendMultipleMessages, 3, ZeroCopy, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnBits(OpenCall, 1, Direct, Libc.SECCOMP_RET_USER_NOTIF);
        filter.OnUnlessSixth(SystemCall.VmSplice, pass, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(IoUringSetup, Libc.SECCOMP_RET_USER_NOTIF);
        filter.On(OpenAt2, Libc.SECCOMP_RET_USER_NOTIF);
    }

    /// <summary>Tells whether a reported call is one of them.</summary>
    internal static bool Concerns(long number) =>
        number is SystemCall.VmSplice or IoUringSetup or OpenAt2 or SystemCall.SendTo or SystemCall.SendMessage
            or SystemCall.SendMultipleMessages or OpenCall or OpenAt or FileControl;
}
