namespace Strongroom.Keys;

/// <summary>Where the bits of a memory key come from, or that there are none: the <c>type=</c> option.</summary>
public enum MemoryKeyType
{
    /// <summary><c>user</c>: the program gives data key and tweak key.</summary>
    User,

    /// <summary><c>cpu</c>: the machine draws the key; nobody ever sees it.</summary>
    Cpu,

    /// <summary><c>clear</c>: the KeyID behaves like KeyID 0.</summary>
    Clear,

    /// <summary><c>no-encrypt</c>: memory under the KeyID is stored as it is.</summary>
    NoEncrypt,
}
