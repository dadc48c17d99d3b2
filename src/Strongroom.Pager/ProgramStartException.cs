using System;
using Strongroom.Kernel;

namespace Strongroom.Pager;

/// <summary>The kernel refused to execute the program itself.</summary>
public sealed class ProgramStartException : Exception
{
    /// <summary>Describes a refusal of execve(2).</summary>
    /// <param name="errno">The error number, as in errno(3).</param>
    public ProgramStartException(int errno)
        : base($"execve of the program: {KernelException.Describe(errno)}")
    {
        Errno = errno;
    }

    /// <summary>Gets the error number, as in errno(3).</summary>
    public int Errno { get; }
}
