using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>The keyrings that memory keys are linked to: the kernel's own on a real host, <see cref="LocalKeyrings"/>
/// elsewhere.</summary>
/// <remarks>
/// The key service keeps the links from keyrings to its keys itself; what it must know of a keyring is only who may use
/// it and who possesses it. Called with the key service's lock held; an implementation must not call back.
/// </remarks>
public interface IKeyrings
{
    /// <summary>Resolves a keyring that a caller named and checks that it may be used so.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="named">A serial or a special keyring, which is made when it does not exist yet.</param>
    /// <param name="need">The right that the caller needs on it.</param>
    /// <param name="keyring">The keyring's own serial.</param>
    /// <returns>
    /// Success; ENOKEY (no such key), ENOTDIR (a key, but not a keyring), EKEYREVOKED, EKEYEXPIRED, EACCES, EINVAL (no
    /// such special keyring), in the order of lookup_user_key.
    /// </returns>
    public Errno Resolve(KeyCaller caller, KeySerial named, KeyPermissions need, out KeySerial keyring);

    /// <summary>Lists a keyring and all that a search from it descends to, in search order.</summary>
    /// <param name="caller">Who searches; keyrings that do not let it are left out.</param>
    /// <param name="keyring">A resolved serial.</param>
    public IEnumerable<KeySerial> Reach(KeyCaller caller, KeySerial keyring);

    /// <summary>Lists the keyrings that a caller possesses: thread, process, session, and what searches from them
    /// reach.</summary>
    public IEnumerable<KeySerial> Possessed(KeyCaller caller);

    /// <summary>Tells what a serial is that names no memory key.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">A serial or a special keyring.</param>
    /// <param name="need">The right that the caller needs on it.</param>
    /// <returns>Success when it is a key of another type that the caller may use so; otherwise as for
    /// <see cref="Resolve"/>.</returns>
    public Errno CheckForeign(KeyCaller caller, KeySerial serial, KeyPermissions need);

    /// <summary>Proposes the serial of a new key: positive, at least 3, and no key's or keyring's that this side
    /// knows.</summary>
    /// <remarks>Asked again when the key service knows the serial already.</remarks>
    public KeySerial ProposeSerial();
}
