using System;
using System.Globalization;
using System.IO;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <summary>What /proc says of this process that explains why a call was refused; proc_pid_status(5).</summary>
internal sealed class ProcessStatus
{
    private const int CAP_SYS_PTRACE = 19;

    private readonly int _tracer;
    private readonly bool _filtered;
    private readonly bool _mayTrace;
    private readonly int _yamaScope;

    private ProcessStatus(int tracer, bool filtered, bool mayTrace, int yamaScope)
    {
        _tracer = tracer;
        _filtered = filtered;
        _mayTrace = mayTrace;
        _yamaScope = yamaScope;
    }

    /// <summary>Reads it.</summary>
    internal static ProcessStatus Read()
    {
        int tracer = 0;
        bool filtered = false;
        ulong capabilities = 0;
        foreach (string line in File.ReadLines("/proc/self/status"))
        {
            string[] field = line.Split(':', 2, StringSplitOptions.TrimEntries);
            switch (field[0])
            {
                case "TracerPid":
                    tracer = int.Parse(field[1], CultureInfo.InvariantCulture);
                    break;
                case "Seccomp":
                    filtered = field[1] != "0";
                    break;
                case "CapEff":
                    capabilities = ulong.Parse(field[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                    break;
                default:
                    break;
            }
        }

        return new(tracer, filtered, (capabilities >> CAP_SYS_PTRACE & 1) != 0, ReadYamaScope());
    }

    /// <summary>Reads the hard limit of open files; 2^64-1 for none.</summary>
    internal static ulong ReadOpenFilesLimit()
    {
        foreach (string line in File.ReadLines("/proc/self/limits"))
        {
            // Max open files            1024                 524288               files
            if (line.StartsWith("Max open files", StringComparison.Ordinal))
            {
                string hard = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4];
                return hard == "unlimited" ? ulong.MaxValue : ulong.Parse(hard, CultureInfo.InvariantCulture);
            }
        }

        return ulong.MaxValue;
    }

    /// <summary>Says why a call was refused, as far as it can be told.</summary>
    internal string Explain(string call, int errno)
    {
        string reason = $"{call}: {KernelException.Describe(errno)}";
        return errno is Libc.EPERM or Libc.ENOSYS && _filtered
            ? reason + " (a seccomp filter is in force, as in containers)"
            : errno == Libc.EPERM && !_mayTrace ? reason + " (this process lacks CAP_SYS_PTRACE)" : reason;
    }

    /// <summary>Says why reaching into a child was refused.</summary>
    internal string ExplainTracing(string call, int errno) => errno switch
    {
        Libc.EPERM when _tracer != 0 =>
            $"{call}: process {_tracer} traces this one and its children already (another strongroom run, a debugger or strace)",
        Libc.EPERM when _yamaScope == 3 => $"{call}: kernel.yama.ptrace_scope is 3, which forbids it to everyone",
        _ => Explain(call, errno),
    };

    /// <summary>Says what to do about it.</summary>
    internal string FixTracing(int errno) => errno switch
    {
        Libc.EPERM when _tracer != 0 => "Start it outside: one run covers the whole tree.",
        Libc.EPERM when _yamaScope == 3 => "Set kernel.yama.ptrace_scope to 2 or less; 3 lasts until the next boot.",
        Libc.ENOSYS => "Use Linux 6.8 or later.",
        _ => "Run as root, or grant CAP_SYS_PTRACE and allow it in the container's seccomp profile.",
    };

    private static int ReadYamaScope()
    {
        try
        {
            string text = File.ReadAllText("/proc/sys/kernel/yama/ptrace_scope");
            return int.Parse(text, NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // no Yama in this kernel
        }
    }
}
