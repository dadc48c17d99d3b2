using System.Collections.Generic;
using System.Linq;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager.Agent;

/// <summary>The system calls of an agent, and those by which it is made. Behind a filter of the program's own it must be allowed them all, for
/// one that is not may kill the program.</summary>
/// <remarks>Whatever <see cref="AgentProgram"/> or a message comes to call must be here; Programs/exec_filtered.c allows nothing else.</remarks>
internal static class AgentCalls
{
    /// <summary>With what an agent is cloned: CLONE_VM | CLONE_FILES | CLONE_UNTRACED, no exit signal; clone(2).</summary>
    internal const ulong CloneFlags = 0x100 | 0x400 | 0x0080_0000;

    /// <summary>How the userfaultfd is made; where a filter lets it fail, it is made on the device.</summary>
    private static readonly ForeseenCall s_userfaultfd = new("userfaultfd", Libc.SYS_userfaultfd);

    private static readonly ForeseenCall[] s_calls =
    [
        new("mmap", Libc.SYS_mmap, C: 3, E: ulong.MaxValue, F: 0),
        new("mprotect", Libc.SYS_mprotect, C: 5),
        new("mprotect", Libc.SYS_mprotect, C: 1),
        new("munmap", Libc.SYS_munmap),
        new("mremap", Libc.SYS_mremap),
        new("getpid", Libc.SYS_getpid),
        new("clone", Libc.SYS_clone, CloneFlags, 0, 0, 0, 0),
        new("clone", Libc.SYS_clone, 0x500, 0, 0, 0, 0),
        new("wait4", Libc.SYS_wait4, B: 0, C: 0x4000_0000, D: 0),
        new("wait4", Libc.SYS_wait4, B: 0, C: 0x4000_0001, D: 0),
        new("setsid", 112),
        new("close_range", 436, 0, uint.MaxValue, 2),
        new("prlimit64", 302, 0, 7, C: 0),
        new("prlimit64", 302, 0, 7, D: 0),
        new("socketpair", 53, 1, 0x80005, 0),
        new("setsockopt", 54, 0, 1, 20, E: 16),
        new("recvfrom", 45, 0, D: 0, E: 0, F: 0),
        new("recvmsg", Libc.SYS_recvmsg, 0, C: 0x4000_0000),
        new("sendto", Libc.SYS_sendto, 0, D: 0x4000, E: 0, F: 0),
        new("getppid", 110),
        new("nanosleep", 35, B: 0),
        new("exit_group", 231, 0),
        new("prctl", Libc.SYS_prctl, Libc.PR_SET_NAME),
        new("prctl", Libc.SYS_prctl, Libc.PR_SET_PDEATHSIG, Libc.SIGKILL),
        new("prctl", Libc.SYS_prctl, Libc.PR_SET_VMA, Libc.PR_SET_VMA_ANON_NAME),
        new("close", Libc.SYS_close),
        new("chdir", Libc.SYS_chdir),
        new("munlock", Libc.SYS_munlock),
        .. Advice(Libc.MADV_DONTNEED, Libc.MADV_DONTFORK, Libc.MADV_WIPEONFORK, Libc.MADV_DONTDUMP, Libc.MADV_POPULATE_WRITE, AddressSpace.DontNeedLocked),
        new("ioctl", Libc.SYS_ioctl, B: Libc.UFFDIO_MOVE),
        new("ioctl", Libc.SYS_ioctl, B: Libc.UFFDIO_REGISTER),
        new("ioctl", Libc.SYS_ioctl, B: Libc.UFFDIO_UNREGISTER),
        new("ioctl", Libc.SYS_ioctl, B: Libc.USERFAULTFD_IOC_NEW),
        new("vmsplice", Libc.SYS_vmsplice, D: 0),
    ];

    /// <summary>Finds what the filters of a stopped thread forbid.</summary>
    /// <param name="tid">The thread.</param>
    /// <param name="ownFilters">How many filters, the first ones, are the pager's, which allow it all.</param>
    /// <returns>Null: nothing. Otherwise the end of a sentence.</returns>
    internal static string? WhatIsForbidden(int tid, int ownFilters)
    {
        int count = ProcessTable.FilterCountOf(tid);
        if (count <= ownFilters)
        {
            return "is in seccomp's strict mode";
        }

        for (int i = ownFilters; i < count; i++)
        {
            if (!Tracee.TryGetFilter(tid, i, out sock_filter[] code, out int errno))
            {
                return $"is behind a seccomp filter that cannot be read (errno {errno}; it needs CAP_SYS_ADMIN and no filter before the pager)";
            }

            FilterReader filter = new(code);
            string? name = s_calls.FirstOrDefault(call => !filter.Permits(call))?.Name;
            if (name is null && !filter.Permits(s_userfaultfd) && !filter.Fails(s_userfaultfd))
            {
                name = s_userfaultfd.Name;
            }

            if (name is not null)
            {
                return $"is behind a seccomp filter that forbids its agent {name}";
            }
        }

        return null;
    }

    private static IEnumerable<ForeseenCall> Advice(params ulong[] kinds) => kinds.Select(kind => new ForeseenCall("madvise", Libc.SYS_madvise, C: kind));
}
