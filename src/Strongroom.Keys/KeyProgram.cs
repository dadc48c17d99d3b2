using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>One programming command, without its key material.</summary>
/// <remarks>
/// <code>
/// Control:  31        24 23                     8 7            0
///          | reserved 0 | one bit per algorithm | KeyCommand   |
/// </code>
/// Source: Intel MKTME specification, May 2019, KEYID_CTRL.
/// </remarks>
public readonly struct KeyProgram
{
    /// <summary>Makes a command.</summary>
    /// <param name="keyId">The slot; not KeyID 0.</param>
    /// <param name="command">What to do with it.</param>
    /// <param name="algorithm">
    /// Exactly one activated algorithm, also for <see cref="KeyCommand.ClearKey"/> and
    /// <see cref="KeyCommand.NoEncrypt"/>, which do not use it: hardware refuses them without one.
    /// </param>
    public KeyProgram(KeyId keyId, KeyCommand command, AlgorithmSet algorithm)
    {
        KeyId = keyId;
        Command = command;
        Algorithm = algorithm;
    }

    /// <summary>Gets the slot.</summary>
    public KeyId KeyId { get; }

    /// <summary>Gets the command.</summary>
    public KeyCommand Command { get; }

    /// <summary>Gets the one algorithm.</summary>
    public AlgorithmSet Algorithm { get; }

    /// <summary>Gets the control word as hardware reads it.</summary>
    public uint Control => (byte)Command | ((uint)Algorithm << 8);

    /// <inheritdoc/>
    public override string ToString() => $"{Command} of KeyID {KeyId}";
}
