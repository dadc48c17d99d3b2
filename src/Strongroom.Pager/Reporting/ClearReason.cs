namespace Strongroom.Pager;

/// <summary>The reasons for which private memory stays plaintext, as the report names them.</summary>
public static class ClearReason
{
    /// <summary>Pinned for a device or for io_uring: the kernel holds the physical page.</summary>
    public const string Pinned = "pinned";

    /// <summary>Locked by the program with mlock(2) or mlockall(2).</summary>
    public const string Locked = "mlocked";

    /// <summary>Mapped shared, so other processes see the same page.</summary>
    public const string Shared = "shared";

    /// <summary>A page of a file, also when a private mapping wrote to it.</summary>
    public const string File = "file";

    /// <summary>Memory that the program itself serves with userfaultfd(2).</summary>
    public const string Userfaultfd = "userfaultfd";

    /// <summary>Memory in huge pages of hugetlbfs.</summary>
    public const string HugeTlb = "hugetlb";

    /// <summary>Memory of a process that was never attached, because it lived too short or refused.</summary>
    public const string Unattached = "unattached";

    /// <summary>Memory that may be executed: code that a program generated.</summary>
    public const string Executable = "executable";

    /// <summary>Private memory that is read-only or not accessible at present.</summary>
    public const string ReadOnly = "readOnly";

    /// <summary>The copy of a program's arguments that /proc/PID/cmdline shows.</summary>
    public const string Arguments = "arguments";

    /// <summary>Memory of a program that finds what was written by soft-dirty bits (/proc/PID/clear_refs).</summary>
    public const string SoftDirty = "softDirty";

    /// <summary>Memory of a kind that the kernel does not let userfaultfd move.</summary>
    public const string NotMovable = "notMovable";

    /// <summary>Memory of a device or of a kernel object with pages of its own.</summary>
    public const string Device = "device";

    /// <summary>Memory that the program gave a key of type no-encrypt.</summary>
    public const string NotEncrypted = "notEncrypted";
}
