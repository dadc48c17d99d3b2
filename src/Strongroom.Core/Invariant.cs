using System;
using System.Diagnostics.CodeAnalysis;

namespace Strongroom.Core;

/// <summary>The end of the process when its own state is wrong.</summary>
public static class Invariant
{
    /// <summary>Ends the process at once. Never returns.</summary>
    /// <param name="message">What was found wrong: numbers and names, never contents.</param>
    /// <remarks>
    /// The kernel drops the key pages with the process (memfd_secret is unmapped and freed, and a core dump cannot hold it), and
    /// PTRACE_O_EXITKILL ends every target, so nothing runs on with wrong memory.
    /// </remarks>
    [DoesNotReturn]
    public static void Fail(string message) => Environment.FailFast("strongroom: broken invariant: " + message);
}
