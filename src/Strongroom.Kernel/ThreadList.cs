using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

namespace Strongroom.Kernel;

/// <summary>The threads of a process, and where the kernel will write when one of them ends.</summary>
internal static class ThreadList
{
    /// <summary>Lists the threads of a process; /proc/PID/task.</summary>
    /// <returns>Thread ids; empty when the process is gone, or hidden from this one.</returns>
    internal static IReadOnlyList<int> Of(int pid)
    {
        List<int> threads = [];
        try
        {
            foreach (string path in Directory.EnumerateDirectories($"/proc/{pid}/task"))
            {
                threads.Add(int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            threads.Clear(); // it ended meanwhile, or is not for us to see
        }

        return threads;
    }

    /// <summary>Gets the address of a thread's robust-futex list; get_robust_list(2).</summary>
    /// <returns>0 when it has none or is gone.</returns>
    internal static unsafe ulong RobustListHead(int tid)
    {
        ulong head = 0;
        nuint length = 0;

        // SAFETY: the kernel writes one word to each of the two locals.
        return Libc.syscall(Libc.SYS_get_robust_list, tid, (nint)(&head), (nint)(&length), 0, 0, 0) == 0 ? head : 0;
    }
}
