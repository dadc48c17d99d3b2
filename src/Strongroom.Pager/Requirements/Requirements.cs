using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <summary>What run needs of the kernel, the processor and its caller's privileges; each tried, not guessed from versions.</summary>
public static class Requirements
{
    // One for each target's userfaultfd, its agent's socket and page map, with room for a tree of a hundred processes.
    private const ulong EnoughOpenFiles = 1024;

    /// <summary>Tries everything.</summary>
    /// <returns>All requirements, needed or not, met or not, in the order in which they are worth reading.</returns>
    /// <remarks>Takes a few milliseconds and makes one child, which it kills. Leaves nothing behind.</remarks>
    public static IReadOnlyList<Requirement> Probe()
    {
        ProcessStatus status = ProcessStatus.Read();
        List<Requirement> requirements = [Architecture()];
        if (!requirements[0].IsMet)
        {
            return requirements;
        }

        AddUserfaultfd(requirements, status);
        AddTracing(requirements, status);
        requirements.Add(PagemapScan());
        requirements.Add(CloseRange(status));
        requirements.Add(SecretMemory(status));
        requirements.Add(OpenFiles());
        requirements.Add(Engine());
        return requirements;
    }

    /// <summary>Tries everything and picks the first thing for want of which run cannot work.</summary>
    /// <returns>It, or null when run can work.</returns>
    public static Requirement? FindMissing()
    {
        foreach (Requirement requirement in Probe())
        {
            if (requirement.IsNeeded && !requirement.IsMet)
            {
                return requirement;
            }
        }

        return null;
    }

    /// <summary>Tries only what would fail late in a run: some microseconds, no child.</summary>
    /// <returns>What is missing, or null when nothing was noticed.</returns>
    public static Requirement? FindMissingQuickly() =>
        RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64
        && KernelProbe.UserfaultfdFeatures(out _) == 0 ? null : FindMissing();

    private static Requirement Architecture()
    {
        bool met = RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64;
        return new()
        {
            Name = "x86-64",
            Purpose = "the agent in each target is machine code",
            IsMet = met,
            Reason = $"this processor is {RuntimeInformation.ProcessArchitecture}",
            Fix = met ? string.Empty : "Use an x86-64 machine; scan and the library work on others.",
        };
    }

    private static void AddUserfaultfd(List<Requirement> requirements, ProcessStatus status)
    {
        const string Grant = "Run as root, or grant CAP_SYS_PTRACE (in the initial user namespace).";
        int open = KernelProbe.FullUserfaultfd();
        requirements.Add(Tried(
            "userfaultfd",
            "faults on sealed pages, also those of system calls",
            open,
            "userfaultfd(2) serves system calls too",
            status.Explain("userfaultfd(2)", open),
            open == Libc.ENOSYS ? "Use a kernel built with CONFIG_USERFAULTFD." : Grant));
        if (open != 0)
        {
            return;
        }

        int features = KernelProbe.UserfaultfdFeatures(out ulong missing);
        requirements.Add(Tried(
            "userfaultfd events",
            "following fork, mremap, madvise and munmap",
            features,
            "fork, remap, remove and unmap events and moves are known",
            missing != 0 ? $"this kernel lacks {FeatureNames(missing)}" : status.Explain("UFFDIO_API", features),
            missing != 0 ? "Use Linux 6.8 or later." : Grant));

        int move = features != 0 ? features : KernelProbe.Move();
        requirements.Add(Tried(
            "UFFDIO_MOVE",
            "taking pages away from running threads without losing a write",
            move,
            "a page was moved",
            status.Explain("UFFDIO_MOVE", move),
            "Use Linux 6.8 or later."));
    }

    private static void AddTracing(List<Requirement> requirements, ProcessStatus status)
    {
        Requirement executable = ExecutableMemory();
        requirements.Add(executable);
        if (!executable.IsMet)
        {
            return;
        }

        TraceOutcome trace = TraceProbe.Try();
        requirements.Add(Traced(
            "clone with CLONE_VM", "the agent that works inside a target's memory", trace.CloneProcess, status));
        if (trace.CloneProcess != 0)
        {
            return;
        }

        Requirement seize = Traced("ptrace", "getting hold of a program and of what it forks", trace.Seize, status);
        requirements.Add(seize);
        requirements.Add(Traced("pidfd_open", "naming processes without mistaking one for another", trace.OpenProcess, status));
        if (seize.IsMet && trace.OpenProcess == 0)
        {
            requirements.Add(Traced("pidfd_getfd", "taking over a target's userfaultfd", trace.CopyDescriptor, status));
        }

        requirements.Add(Traced("process_vm_readv", "reading pages that are to be sealed", trace.ReadMemory, status));
        requirements.Add(Traced("kcmp", "telling which processes share their memory", trace.Compare, status));
    }

    private static Requirement ExecutableMemory()
    {
        int errno = KernelProbe.LoadCode();
        return Tried(
            "executable memory",
            "machine code that starts the program",
            errno,
            "code was written and made executable",
            $"mprotect of code to executable: {KernelException.Describe(errno)}",
            "Allow it: SELinux calls it execmem; a parent may have forbidden it by PR_SET_MDWE or a seccomp filter.");
    }

    private static Requirement Traced(string name, string purpose, int errno, ProcessStatus status) =>
        Tried(name, purpose, errno, "done to a child", status.ExplainTracing(name, errno), status.FixTracing(errno));

    private static Requirement PagemapScan()
    {
        int errno = KernelProbe.ScanPagemap();
        return Tried(
            "PAGEMAP_SCAN",
            "telling which pages are there without touching them",
            errno,
            "this process's own pages were found",
            $"PAGEMAP_SCAN: {KernelException.Describe(errno)}",
            "Use Linux 6.7 or later, with /proc mounted.");
    }

    private static Requirement CloseRange(ProcessStatus status)
    {
        int errno = KernelProbe.CloseRange();
        return Tried(
            "close_range",
            "an agent that keeps none of its target's files open",
            errno,
            "called on an empty range",
            status.Explain("close_range(2)", errno),
            "Use Linux 5.9 or later, and allow close_range in the container's seccomp profile.");
    }

    private static Requirement SecretMemory(ProcessStatus status)
    {
        int errno = KernelProbe.SecretMemory();
        return Tried(
            "memfd_secret",
            "keys that not even root reads through /proc/PID/mem",
            errno,
            "a page was mapped and written",
            status.Explain("memfd_secret(2)", errno) + "; keys are kept in locked, undumpable memory instead",
            errno switch
            {
                Libc.ENOSYS => "Use Linux 6.5 or later, or boot an older one with secretmem.enable=1.",
                Libc.EAGAIN or Libc.ENOMEM => "Raise the limit of locked memory (ulimit -l).",
                _ => "Allow memfd_secret in the container's seccomp profile.",
            },
            isNeeded: false);
    }

    // What was tried, and came to 0 or to an errno; what explains and cures a failure is not said of a success.
    private static Requirement Tried(string name, string purpose, int errno, string done, string failed, string fix, bool isNeeded = true) => new()
    {
        Name = name,
        Purpose = purpose,
        IsNeeded = isNeeded,
        IsMet = errno == 0,
        Reason = errno == 0 ? done : failed,
        Fix = errno == 0 ? string.Empty : fix,
    };

    private static Requirement OpenFiles()
    {
        ulong limit = ProcessStatus.ReadOpenFilesLimit();
        bool met = limit >= EnoughOpenFiles;
        return new()
        {
            Name = "open files",
            Purpose = "some descriptors for each process of the tree",
            IsNeeded = false,
            IsMet = met,
            Reason = limit == ulong.MaxValue ? "no limit" : $"the limit is {limit}",
            Fix = met ? string.Empty : $"Raise the hard limit of open files to {EnoughOpenFiles} or more (ulimit -Hn).",
        };
    }

    private static Requirement Engine()
    {
        try
        {
            double speed = XtsEngine.MeasureBytesPerSecond(MemoryAlgorithm.AesXts256, TimeSpan.FromMilliseconds(5)) / 1e9;
            bool met = XtsEngine.BackendName != "portable";
            string reason = string.Create(CultureInfo.InvariantCulture, $"{XtsEngine.BackendName} does {speed:f2} GB/s of AES-256-XTS");
            foreach (XtsCandidate candidate in XtsEngine.Candidates)
            {
                if (candidate.IsChosen)
                {
                    break; // those after it are slower
                }

                reason += $"; not {candidate.Name}, {candidate.Reason}";
            }

            return EngineResult(false, met, reason, met ? string.Empty : "Use a processor with AES-NI, or let the virtual machine see it.");
        }
        catch (PlatformNotSupportedException exception)
        {
            return EngineResult(true, false, exception.Message.TrimEnd('.'), "Unset STRONGROOM_XTS_BACKEND.");
        }
        catch (KernelException exception)
        {
            return EngineResult(true, false, exception.Message.TrimEnd('.'), "Raise the limit of locked memory (ulimit -l).");
        }
    }

    private static Requirement EngineResult(bool needed, bool met, string reason, string fix) => new()
    {
        Name = "AES engine",
        Purpose = "encryption at the speed of memory",
        IsNeeded = needed,
        IsMet = met,
        Reason = reason,
        Fix = fix,
    };

    private static string FeatureNames(ulong missing)
    {
        List<string> names = [];
        Add(Libc.UFFD_FEATURE_EVENT_FORK, "fork events");
        Add(Libc.UFFD_FEATURE_EVENT_REMAP, "remap events");
        Add(Libc.UFFD_FEATURE_EVENT_REMOVE, "remove events");
        Add(Libc.UFFD_FEATURE_EVENT_UNMAP, "unmap events");
        Add(Libc.UFFD_FEATURE_THREAD_ID, "thread ids");
        Add(Libc.UFFD_FEATURE_MOVE, "UFFDIO_MOVE");
        return string.Join(", ", names);

        void Add(ulong feature, string name)
        {
            if ((missing & feature) != 0)
            {
                names.Add(name);
            }
        }
    }
}
