namespace Strongroom.Keys;

/// <summary>What programming does to a key slot; the low byte of KEYID_CTRL.</summary>
/// <remarks>Source: Intel MKTME specification, May 2019, table of MKTME_KEY_PROGRAM commands.</remarks>
public enum KeyCommand : byte
{
    /// <summary>Uses the two key fields as data key and tweak key.</summary>
    SetKeyDirect = 0,

    /// <summary>Draws both keys; the two key fields are stirred into the random bits.</summary>
    SetKeyRandom = 1,

    /// <summary>Forgets the slot's key: the KeyID behaves like KeyID 0. On a real host its frames are erased.</summary>
    ClearKey = 2,

    /// <summary>Stores memory under the KeyID as it is.</summary>
    NoEncrypt = 3,
}
