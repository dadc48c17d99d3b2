namespace Strongroom.Keys;

/// <summary>What a payload asks for, without its key material.</summary>
public readonly struct KeySpec
{
    internal KeySpec(MemoryKeyType type, AlgorithmSet algorithm)
    {
        Type = type;
        Algorithm = algorithm;
    }

    /// <summary>Gets the type.</summary>
    public MemoryKeyType Type { get; }

    /// <summary>Gets the algorithm; for types that use none, the lowest one that is activated.</summary>
    public AlgorithmSet Algorithm { get; }

    /// <summary>Gets the command that makes such a key.</summary>
    public KeyCommand Command => Type switch
    {
        MemoryKeyType.User => KeyCommand.SetKeyDirect,
        MemoryKeyType.Cpu => KeyCommand.SetKeyRandom,
        MemoryKeyType.Clear => KeyCommand.ClearKey,
        _ => KeyCommand.NoEncrypt,
    };
}
