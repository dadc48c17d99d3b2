using System;
using System.Runtime.InteropServices;

namespace Strongroom.Kernel;

/// <summary>A system call that the kernel refused.</summary>
public sealed class KernelException : Exception
{
    /// <summary>Describes a refusal.</summary>
    /// <param name="errno">The error number, as in errno(3).</param>
    /// <param name="operation">The call and its telling arguments; never contents of memory.</param>
    public KernelException(int errno, string operation)
        : base($"{operation}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
    {
        Errno = errno;
    }

    /// <summary>Gets the error number, as in errno(3).</summary>
    public int Errno { get; }

    /// <summary>Gets the kernel's words for an error number.</summary>
    public static string Describe(int errno) => Marshal.GetPInvokeErrorMessage(errno);
}
