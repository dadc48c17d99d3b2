using System;
using System.Buffers.Text;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using Strongroom.Core;
using Strongroom.Kernel;

namespace Strongroom.Pager.Tracing;

/// <summary>Facts about processes from /proc and kcmp(2).</summary>
internal static class ProcessTable
{
    private const nint KCMP_VM = 1;
    private const long FaultSignals = (1 << 3) | (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 30); // SIGILL TRAP BUS FPE SEGV SYS
    private const long IgnoredByDefault = (1 << 16) | (1 << 17) | (1 << 22) | (1 << 27); // SIGCHLD CONT URG WINCH
    private const ulong AddressBytes = 1ul << 47; // of a process's address space; mremap refuses more

    /// <summary>Gets the process that a thread belongs to; 0 when it is gone.</summary>
    internal static int ThreadGroupOf(int tid) => (int)ReadField($"/proc/{tid}/status", "Tgid:"u8);

    /// <summary>Gets the parent of a process; 0 when it is gone.</summary>
    internal static int ParentOf(int pid) => (int)ReadField($"/proc/{pid}/status", "PPid:"u8);

    /// <summary>Tells whether two processes use the same memory (vfork, clone(CLONE_VM)).</summary>
    internal static bool ShareMemory(int pid, int other) => Libc.syscall(Libc.SYS_kcmp, pid, other, KCMP_VM, 0, 0, 0) == 0;

    /// <summary>Gets the private anonymous memory that a process has in RAM, in bytes; -1 when it is gone.</summary>
    internal static long AnonymousBytes(int pid)
    {
        long kibibytes = ReadField($"/proc/{pid}/status", "RssAnon:"u8);
        if (kibibytes == 0)
        {
            // A process whose first thread has ended shows its memory under its other threads only.
            foreach (int tid in ThreadList.Of(pid))
            {
                kibibytes = Math.Max(kibibytes, ReadField($"/proc/{tid}/status", "RssAnon:"u8));
            }
        }

        return kibibytes * 1024;
    }

    /// <summary>Tells whether a thread still has memory, that is, has not ended.</summary>
    internal static bool HasMemory(int tid) => ReadField($"/proc/{tid}/status", "RssAnon:"u8) > 0;

    /// <summary>Tells whether a thread runs, or sleeps in madvise(2) or process_madvise(2); /proc/PID/syscall, proc_pid_syscall(5).</summary>
    internal static bool MayBeInMadvise(int tid) =>
        CallOf(tid) is null or Libc.SYS_madvise or Libc.SYS_process_madvise;

    /// <summary>Tells whether a thread runs, or is in a system call that a userfaultfd reports as a change of layout (fs/userfaultfd.c,
    /// mmap_changing); /proc/PID/syscall.</summary>
    internal static bool MayChangeLayout(int tid) =>
        CallOf(tid) is null or Libc.SYS_madvise or Libc.SYS_process_madvise or Libc.SYS_mremap or Libc.SYS_munmap or Libc.SYS_mmap
            or Libc.SYS_brk or Libc.SYS_fork or Libc.SYS_clone or Libc.SYS_clone3 or Libc.SYS_shmat or Libc.SYS_shmdt;

    /// <summary>Gets by how much a thread makes a mapping longer, if it is in mremap(2) to do so; proc_pid_syscall(5).</summary>
    /// <param name="pid">Its process.</param>
    /// <param name="innerTid">Its number in its own PID namespace.</param>
    /// <returns>Bytes, whole pages; 0 when it is not.</returns>
    internal static ulong GrowthByMremap(int pid, int innerTid)
    {
        int tid = ThreadGroupOf(innerTid) == pid && InnerIdOf(innerTid) == innerTid
            ? innerTid // the same namespace
            : ThreadList.Of(pid).FirstOrDefault(each => InnerIdOf(each) == innerTid);

        ReadOnlySpan<byte> call = ReadText($"/proc/{tid}/syscall", stackalloc byte[256]);
        string[] words = Encoding.ASCII.GetString(call).Split(' '); // 25 0xaddr 0xold 0xnew ...
        return words is ["25", _, ['0', 'x', .. string before], ['0', 'x', .. string after], ..]
            && ulong.TryParse(before, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong oldBytes)
            && ulong.TryParse(after, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong newBytes)
            && oldBytes < newBytes && newBytes < AddressBytes
            ? (PagesFor(newBytes) - PagesFor(oldBytes)) << PageNumber.Shift
            : 0;

        static ulong PagesFor(ulong bytes) => (bytes + PageNumber.SizeBytes - 1) >> PageNumber.Shift;
    }

    /// <summary>Tells whether a thread is behind a seccomp filter that is not the pager's, or in strict mode; proc_pid_status(5).</summary>
    /// <param name="tid">The thread.</param>
    /// <param name="ownFilters">How many filters the pager put the program behind.</param>
    internal static bool IsFilteredByItself(int tid, int ownFilters) =>
        ownFilters == 0 ? ReadField($"/proc/{tid}/status", "Seccomp:"u8) > 0 : FilterCountOf(tid) != ownFilters;

    /// <summary>Gets how many seccomp filters a thread is behind; 0 before Linux 5.9.</summary>
    internal static int FilterCountOf(int tid) => (int)ReadField($"/proc/{tid}/status", "Seccomp_filters:"u8);

    /// <summary>Tells whether a thread is about to be told of a fault of its own, as of a signal's frame that does not fit (kernel/signal.c,
    /// force_sigsegv).</summary>
    /// <remarks>It may not be kept waiting: blocked, such a signal is still taken before the others (dequeue_synchronous_signal).</remarks>
    internal static bool AwaitsFaultSignal(int tid)
    {
        long pending = ReadField($"/proc/{tid}/status", "SigPnd:"u8, 'x') & FaultSignals;
        return pending != 0 && (pending & ~ReadField($"/proc/{tid}/status", "SigBlk:"u8, 'x')) != 0;
    }

    /// <summary>Gets the signals that do nothing to a process: those that it ignores, and of those that are ignored otherwise (signal(7)) the
    /// ones that it does not catch; bit n-1 stands for signal n.</summary>
    internal static ulong IgnoredBy(int tid) => unchecked((ulong)(ReadField($"/proc/{tid}/status", "SigIgn:"u8, 'x')
        | (IgnoredByDefault & ~ReadField($"/proc/{tid}/status", "SigCgt:"u8, 'x'))));

    /// <summary>Tells whether a thread's next child would be in another PID namespace than itself; pid_namespaces(7).</summary>
    internal static bool HasUnshared(int tid) =>
        new FileInfo($"/proc/{tid}/ns/pid").LinkTarget != new FileInfo($"/proc/{tid}/ns/pid_for_children").LinkTarget;

    /// <summary>Finds a child by the number that its parent, perhaps in a PID namespace of its own, knows it by.</summary>
    /// <param name="tid">The thread that made the child.</param>
    /// <param name="innerPid">What clone returned to it.</param>
    /// <returns>The child's number here; 0 when it is not found.</returns>
    internal static int ChildByInnerId(int tid, int innerPid)
    {
        return InnerIdOf(tid) == tid
            ? innerPid // the same namespace
            : ChildrenOf(tid, tid).FirstOrDefault(child => InnerIdOf(child) == innerPid);
    }

    /// <summary>Gets the number by which a process is known in its own PID namespace; 0 when it is gone.</summary>
    internal static int InnerIdOf(int pid) => InnermostId(pid, "NSpid:"u8);

    /// <summary>Gets a process's group, by the number that it has in the process's own PID namespace; 0 when it is gone.</summary>
    internal static int InnerGroupOf(int pid) => InnermostId(pid, "NSpgid:"u8);

    /// <summary>Gets a process's group; 0 when it is gone.</summary>
    internal static int GroupOf(int pid) => int.Parse(StatField(pid, 5) ?? "0", CultureInfo.InvariantCulture);

    /// <summary>Gets the signal that tells of a process's end; 0 for none, or when it is gone.</summary>
    internal static int ExitSignalOf(int pid) => int.Parse(StatField(pid, 38) ?? "0", CultureInfo.InvariantCulture);

    /// <summary>Tells whether a process has ended and was not waited for yet.</summary>
    internal static bool IsZombie(int pid) => StatField(pid, 3) == "Z";

    /// <summary>Tells whether a process is there and has not ended.</summary>
    internal static bool IsAlive(int pid) => StatField(pid, 3) is not (null or "Z" or "X");

    /// <summary>Finds where the parts of a process's program lie, but for its brk; proc_pid_stat(5).</summary>
    /// <param name="pid">The process.</param>
    /// <param name="map">The parts; zeros where this process may not trace that one.</param>
    /// <returns>False when it is gone.</returns>
    internal static bool TryGetLayout(int pid, out prctl_mm_map map)
    {
        string[] fields = StatFields(pid);
        bool isThere = fields.Length >= 49;
        map = !isThere ? default : new()
        {
            start_code = Field(26),
            end_code = Field(27),
            start_stack = Field(28),
            start_data = Field(45),
            end_data = Field(46),
            start_brk = Field(47),
            arg_start = Field(48),
            arg_end = Field(49),
            env_start = Field(50),
            env_end = Field(51),
        };
        return isThere;

        ulong Field(int number) => ulong.Parse(fields[number - 3], CultureInfo.InvariantCulture);
    }

    /// <summary>Lists the children that a thread made, or that were left to it, zombies too; proc_pid_task(5).</summary>
    internal static IReadOnlyList<int> ChildrenOf(int pid, int tid)
    {
        string path = $"/proc/{pid}/task/{tid}/children";
        try
        {
            string[] numbers = File.ReadAllText(path).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return [.. numbers.Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // the thread has ended
        }
    }

    /// <summary>Tells whether a process traces another, in the tree or outside.</summary>
    internal static bool IsTracer(int pid)
    {
        IReadOnlyList<int> threads = ThreadList.Of(pid);
        return Directory.EnumerateDirectories("/proc")
            .Where(path => char.IsAsciiDigit(path["/proc/".Length]))
            .SelectMany(path => ThreadList.Of(int.Parse(path.AsSpan("/proc/".Length), CultureInfo.InvariantCulture)))
            .Any(tid => ReadField($"/proc/{tid}/status", "TracerPid:"u8) is > 0 and var tracer && threads.Contains((int)tracer));
    }

    // Fields are counted from 1 as in proc_pid_stat(5); the second, a name in parentheses, may hold anything.
    private static string? StatField(int pid, int number)
    {
        string[] fields = StatFields(pid);
        return fields.Length > number - 3 ? fields[number - 3] : null;
    }

    // From the third on; none when the process is gone.
    private static string[] StatFields(int pid)
    {
        ReadOnlySpan<byte> text = ReadText($"/proc/{pid}/stat", stackalloc byte[1024]);
        int name = text.LastIndexOf((byte)')');
        return name < 0 ? [] : Encoding.ASCII.GetString(text[(name + 2)..]).TrimEnd('\n').Split(' ');
    }

    // The last number of the line "NSpid: 4711 12 1".
    private static int InnermostId(int pid, ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> status = ReadText($"/proc/{pid}/status", stackalloc byte[4096]);
        int at = status.IndexOf(name);
        ReadOnlySpan<byte> line = at < 0 ? default : status[(at + name.Length)..];
        int end = line.IndexOf((byte)'\n');
        line = line[..Math.Max(end, 0)].Trim(" \t"u8);
        int last = line.LastIndexOfAny((byte)' ', (byte)'\t');
        return Utf8Parser.TryParse(line[(last + 1)..], out int id, out _) ? id : 0;
    }

    private static long ReadField(string path, ReadOnlySpan<byte> name, char format = 'g')
    {
        ReadOnlySpan<byte> text = ReadText(path, stackalloc byte[4096]);
        int at = text.IndexOf(name);
        if (at < 0)
        {
            return text.IsEmpty ? -1 : 0;
        }

        ReadOnlySpan<byte> rest = text[(at + name.Length)..].TrimStart(" \t"u8);
        return Utf8Parser.TryParse(rest, out long value, out _, format) ? value : 0;
    }

    // The call in which a thread sleeps; null: it runs.
    private static long? CallOf(int tid)
    {
        ReadOnlySpan<byte> call = ReadText($"/proc/{tid}/syscall", stackalloc byte[256]);
        return Utf8Parser.TryParse(call, out long number, out _) ? number : null;
    }

    // Empty when the process is gone, or hidden from this one.
    private static ReadOnlySpan<byte> ReadText(string path, Span<byte> buffer)
    {
        using OwnedDescriptor? file = OwnedDescriptor.TryOpen(path, 0, out _);
        int length = file?.ReadAt(buffer, 0) ?? 0;
        return buffer[..Math.Max(length, 0)];
    }
}
