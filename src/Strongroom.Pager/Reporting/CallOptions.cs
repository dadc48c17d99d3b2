using Strongroom.Keys;

namespace Strongroom.Pager;

/// <summary>Which of the proposed system calls a program finds, and by whose rules they answer.</summary>
/// <remarks>The numbers unless others are given are those of include/strongroom.h; the kernel's own table ends far below.</remarks>
public sealed record CallOptions
{
    /// <summary>Gets the number of encrypt_mprotect(addr, len, prot, serial).</summary>
    public int EncryptMprotect { get; init; } = 8434;

    /// <summary>Gets the number of secretmemfd(flags).</summary>
    public int SecretMemfd { get; init; } = 8435;

    /// <summary>Gets the number of sys_encrypt(serial, addr, len).</summary>
    public int Encrypt { get; init; } = 8436;

    /// <summary>Gets the number of strongroom_open(flags).</summary>
    public int Open { get; init; } = 8437;

    /// <summary>Gets whose rules apply.</summary>
    public KeyApiVersion Api { get; init; } = KeyApiVersion.Union;

    /// <summary>Gets the number of KeyID bits, 1 to 15.</summary>
    public int KeyIdBits { get; init; } = 15;
}
