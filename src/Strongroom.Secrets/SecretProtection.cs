namespace Strongroom.Secrets;

/// <summary>The protection that is in force for a piece of secret memory, strongest first.</summary>
public enum SecretProtection
{
    /// <summary>
    /// memfd_secret(2): off the kernel's direct map, unreadable through /proc/pid/mem, process_vm_readv(2) and
    /// ptrace(2), never swapped, never dumped.
    /// </summary>
    MemfdSecret,

    /// <summary>
    /// Anonymous memory that is locked (mlock(2)), left out of core dumps (MADV_DONTDUMP) and not given to children
    /// (MADV_DONTFORK). Root, and whoever may ptrace this process, can read it.
    /// </summary>
    LockedMemory,
}
