using System;

namespace Strongroom.Machine.Mm;

/// <summary>A rule of the modelled kernel is broken: a bug of the model, or a seeded fault that was found.</summary>
internal sealed class ModelViolationException : Exception
{
    /// <summary>Names the rule.</summary>
    /// <param name="rule">The rule with frame and KeyID; never contents.</param>
    internal ModelViolationException(string rule)
        : base(rule)
    {
    }
}

/// <summary>The modelled kernel touched an address that its own tables do not map: an oops.</summary>
internal sealed class KernelPageFaultException : Exception
{
    /// <summary>Names the address.</summary>
    internal KernelPageFaultException(ulong address)
        : base($"The kernel touched 0x{address:x}, which its page tables do not map.")
    {
    }
}
