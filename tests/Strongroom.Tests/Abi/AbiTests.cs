using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Strongroom.Kernel;
using Xunit;

namespace Strongroom.Tests.Abi;

/// <summary>
/// Compiles every kernel constant and structure that the code declares against the installed headers. Each is found by
/// reflection, so that none can be forgotten.
/// </summary>
public partial class AbiTests
{
    private const string Headers = """
        #define _GNU_SOURCE
        #include <stddef.h>
        #include <stdint.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <sched.h>
        #include <signal.h>
        #include <unistd.h>
        #include <elf.h>
        #include <sys/epoll.h>
        #include <sys/ioctl.h>
        #include <sys/mman.h>
        #include <sys/ptrace.h>
        #include <sys/random.h>
        #include <sys/resource.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <sys/types.h>
        #include <sys/uio.h>
        #include <sys/user.h>
        #include <sys/wait.h>
        #include <linux/capability.h>
        #include <linux/fs.h>
        #include <linux/futex.h>
        #include <linux/kcmp.h>
        #include <linux/audit.h>
        #include <linux/filter.h>
        #include <linux/keyctl.h>
        #include <linux/ptrace.h>
        #include <linux/seccomp.h>
        #include <linux/userfaultfd.h>
        #include <sys/prctl.h>
        #include <asm/prctl.h>
        #ifndef MFD_CLOEXEC
        #include <linux/memfd.h>
        #endif
        #define MEMFD_SECRET_CLOEXEC O_CLOEXEC /* memfd_secret(2) defines its flag as this */

        """;

    // Newer than the headers of some distributions that the project supports. Where the headers have them they are checked.
    private static readonly string[] s_mayBeNewer =
    [
        "MADV_GUARD_INSTALL",                                                                                               // 6.13
        "PROCMAP_QUERY", "PROCMAP_QUERY_VMA_SHARED", "PROCMAP_QUERY_COVERING_OR_NEXT_VMA", "procmap_query",                  // 6.11
        "UFFDIO_MOVE", "UFFDIO_MOVE_MODE_DONTWAKE", "UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES", "UFFD_FEATURE_MOVE", "uffdio_move", // 6.8
        "PAGEMAP_SCAN", "PAGE_IS_FILE", "PAGE_IS_PRESENT", "PAGE_IS_SWAPPED", "PAGE_IS_PFNZERO", "PAGE_IS_HUGE",            // 6.7
        "pm_scan_arg", "page_region",
        "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG", "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG", "ptrace_sud_config",          // 6.4
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",                                                                           // 5.19
    ];

    // A field whose place in the header has another name.
    private static readonly Dictionary<string, string> s_renamed = new()
    {
        ["uffd_msg.word0"] = "arg.pagefault.flags",
        ["uffd_msg.word1"] = "arg.pagefault.address",
        ["uffd_msg.word2"] = "arg.pagefault.feat",
        ["sigaction.sa_mask"] = "sa_mask",
    };

    // Padding has no name in the headers; the size of the whole checks it.
    private static readonly string[] s_padding = ["padding", "reserved1", "reserved2", "reserved3"];

    [Fact]
    public void Every_constant_and_structure_is_that_of_the_headers()
    {
        List<string> assertions = [];
        HashSet<string> declared = [];
        foreach (Type type in Types())
        {
            AddConstants(type, assertions, declared);
            if (type.IsValueType && !type.IsEnum && KernelStructName().IsMatch(type.Name))
            {
                AddStructure(type, assertions);
            }
        }

        Assert.True(assertions.Count > 100, $"Only {assertions.Count} facts were found by reflection.");
        string errors = Compile(assertions);
        string[] wrong = Wrong(errors);
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void A_wrong_constant_is_noticed()
    {
        string errors = Compile(["_Static_assert((EPERM) == 2, \"EPERM\");", "_Static_assert(sizeof(struct iovec) == 8, \"iovec\");"]);
        Assert.Equal(2, Wrong(errors).Length);
    }

    // One line of the source is one assertion; an undeclared name brings a second error with it.
    private static string[] Wrong(string errors) =>
    [
        .. errors.Split('\n')
            .Where(line => line.Contains("error:", StringComparison.Ordinal))
            .GroupBy(line => line.Split(':')[1])
            .Where(assertion => !assertion.Any(IsNewerThanHeaders))
            .Select(assertion => string.Join("; ", assertion)),
    ];

    private static bool IsNewerThanHeaders(string error)
    {
        Match unknown = Undeclared().Match(error);
        return unknown.Success && s_mayBeNewer.Contains(unknown.Groups.Values.Skip(1).First(group => group.Success).Value);
    }

    private static IEnumerable<Type> Types()
    {
        Assembly[] assemblies =
        [
            typeof(KernelException).Assembly, typeof(Secrets.SecretProtection).Assembly, typeof(Crypto.XtsKey).Assembly,
            typeof(Pager.RunReport).Assembly, typeof(Cli.Scanning.ScanResult).Assembly,
        ];
        return assemblies.SelectMany(assembly => assembly.GetTypes());
    }

    // MAP_FAILED is a pointer in C, which no constant expression may cast.
    private static void AddConstants(Type type, List<string> assertions, HashSet<string> declared)
    {
        const BindingFlags All = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        foreach (FieldInfo field in type.GetFields(All))
        {
            object? value = field.IsLiteral ? field.GetRawConstantValue() : null;
            if (value is null or string or bool || type.IsEnum || field.Name == "MAP_FAILED" || !KernelConstantName().IsMatch(field.Name) || !declared.Add(field.Name))
            {
                continue;
            }

            string text = Convert.ToString(value, CultureInfo.InvariantCulture)!;
            assertions.Add($"_Static_assert((unsigned long)({field.Name}) == (unsigned long)({text}), \"{field.Name}\");");
        }
    }

    private static void AddStructure(Type type, List<string> assertions)
    {
        string c = $"struct {type.Name}";
        assertions.Add($"_Static_assert(sizeof({c}) == {Marshal.SizeOf(type)}, \"size of {type.Name}\");");
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            string name = field.Name.TrimStart('@');
            if (!s_padding.Contains(name))
            {
                string place = s_renamed.GetValueOrDefault($"{type.Name}.{name}", name);
                int offset = (int)Marshal.OffsetOf(type, field.Name);
                assertions.Add($"_Static_assert(offsetof({c}, {place}) == {offset}, \"{type.Name}.{name}\");");
            }
        }
    }

    private static string Compile(IReadOnlyList<string> assertions)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/gcc"), "gcc is not installed");
        StringBuilder source = new(Headers);
        foreach (string assertion in assertions)
        {
            _ = source.Append(assertion).Append('\n');
        }

        string[] options = ["-std=gnu11", "-fsyntax-only", "-fno-diagnostics-color", "-fmax-errors=0", "-x", "c", "-"];
        ProcessStartInfo start = new("/usr/bin/gcc", options) { RedirectStandardInput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        using Process gcc = Process.Start(start)!;
        gcc.StandardInput.Write(source.ToString());
        gcc.StandardInput.Close();
        string errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        return errors;
    }

    // SYS_futex, EAGAIN, __WALL, SIGKILL and their like; names of our own are in PascalCase.
    [GeneratedRegex("^(SYS_[a-z0-9_]+|_*[A-Z][A-Z0-9]*(_[A-Z0-9]+)*)$")]
    private static partial Regex KernelConstantName();

    [GeneratedRegex("^[a-z][a-z0-9_]*$")]
    private static partial Regex KernelStructName();

    [GeneratedRegex("'(?:struct )?([A-Za-z0-9_]+)' undeclared|undefined type 'struct ([a-z_]+)'|incomplete type 'struct ([a-z_]+)'")]
    private static partial Regex Undeclared();
}
