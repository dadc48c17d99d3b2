using System;

namespace Strongroom.Machine.Hardware;

/// <summary>An exception that the modelled CPU raises.</summary>
public enum CpuFault
{
    /// <summary>#UD, undefined opcode.</summary>
    UndefinedOpcode,

    /// <summary>#GP(0), general protection.</summary>
    GeneralProtection,

    /// <summary>A bus error: no memory answers at that physical address.</summary>
    MachineCheck,
}

/// <summary>A fault of the modelled CPU: the instruction had no effect.</summary>
public sealed class CpuFaultException : Exception
{
    /// <summary>Describes a fault.</summary>
    /// <param name="fault">The exception vector.</param>
    /// <param name="cause">Why, in words; never contents of memory.</param>
    public CpuFaultException(CpuFault fault, string cause)
        : base($"{Name(fault)}: {cause}")
    {
        Fault = fault;
    }

    /// <summary>Gets the exception that was raised.</summary>
    public CpuFault Fault { get; }

    private static string Name(CpuFault fault) => fault switch
    {
        CpuFault.UndefinedOpcode => "#UD",
        CpuFault.GeneralProtection => "#GP(0)",
        _ => "#MC",
    };
}
