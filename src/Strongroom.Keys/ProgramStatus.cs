using System;

namespace Strongroom.Keys;

/// <summary>What one target answered to one programming command.</summary>
/// <remarks>Numbers are those that PCONFIG leaves in RAX (Intel MKTME specification, May 2019).</remarks>
public enum ProgramStatus
{
    /// <summary>The slot holds what was asked for.</summary>
    Success = 0,

    /// <summary>The command is none of the four; not retried.</summary>
    InvalidCommand = 1,

    /// <summary>Not enough random bits now; retried.</summary>
    EntropyError = 2,

    /// <summary>The KeyID is 0 or beyond the last slot; not retried.</summary>
    InvalidKeyId = 3,

    /// <summary>Not exactly one algorithm, or one that is not activated; not retried.</summary>
    InvalidAlgorithm = 4,

    /// <summary>Somebody else holds the key table now; retried.</summary>
    DeviceBusy = 5,
}

/// <summary>Words for programming results, and which of them are worth another attempt.</summary>
public static class ProgramStatuses
{
    /// <summary>Gets the sentence that the series logs for a result.</summary>
    public static string Describe(this ProgramStatus status) => status switch
    {
        ProgramStatus.Success => "KeyID was successfully programmed",
        ProgramStatus.InvalidCommand => "Invalid KeyID programming command",
        ProgramStatus.EntropyError => "Insufficient entropy",
        ProgramStatus.InvalidKeyId => "KeyID not valid",
        ProgramStatus.InvalidAlgorithm => "Invalid encryption algorithm chosen",
        ProgramStatus.DeviceBusy => "Failure to access key table",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "There is no such programming result."),
    };

    /// <summary>Tells whether the same command may succeed a moment later.</summary>
    public static bool IsTransient(this ProgramStatus status) =>
        status is ProgramStatus.EntropyError or ProgramStatus.DeviceBusy;
}
