using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <content>Links from keyrings to keys, and searching along them.</content>
public sealed partial class KeyService
{
    /// <summary>Links a key to a keyring, displacing one of the same description: keyctl(KEYCTL_LINK, …).</summary>
    /// <returns>What resolving the keyring answers, then ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES (no right to
    /// link).</returns>
    public Errno Link(KeyCaller caller, KeySerial serial, KeySerial keyring)
    {
        using Scope scope = new(this);
        Errno errno = _keyrings.Resolve(caller, keyring, KeyPermissions.Write, out KeySerial resolved);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = LookupLocked(caller, serial, KeyPermissions.Link, out MemoryKey? key);
        if (errno == Errno.None)
        {
            LinkLocked(resolved, key!);
        }

        return errno;
    }

    /// <summary>Removes a link; a key without links is destroyed: keyctl(KEYCTL_UNLINK, …).</summary>
    /// <returns>What resolving the keyring answers, then ENOKEY, ENOENT (not linked there). Needs no right on the
    /// key.</returns>
    public Errno Unlink(KeyCaller caller, KeySerial serial, KeySerial keyring)
    {
        using Scope scope = new(this);
        Errno errno = _keyrings.Resolve(caller, keyring, KeyPermissions.Write, out KeySerial resolved);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (!_keys.TryGetValue(serial, out MemoryKey? key))
        {
            return Errno.ENOKEY;
        }

        if (FindLinkLocked(resolved, key.Description) != key)
        {
            return Errno.ENOENT;
        }

        UnlinkLocked(resolved, key);
        return Errno.None;
    }

    /// <summary>Removes all links of a keyring to memory keys: keyctl(KEYCTL_CLEAR, …).</summary>
    /// <returns>What resolving the keyring answers.</returns>
    public Errno ClearKeyring(KeyCaller caller, KeySerial keyring)
    {
        using Scope scope = new(this);
        Errno errno = _keyrings.Resolve(caller, keyring, KeyPermissions.Write, out KeySerial resolved);
        if (errno == Errno.None)
        {
            ForgetKeyringLocked(resolved);
        }

        return errno;
    }

    /// <summary>Removes all links of a keyring that no longer exists.</summary>
    /// <param name="keyring">A resolved serial.</param>
    public void ForgetKeyring(KeySerial keyring)
    {
        using Scope scope = new(this);
        ForgetKeyringLocked(keyring);
    }

    /// <summary>Lists the memory keys that a keyring links to, for showing them beside the keyring's own.</summary>
    /// <param name="keyring">A resolved serial; the right to read it is the caller's to check.</param>
    public IReadOnlyList<KeySerial> ListKeyring(KeySerial keyring)
    {
        using Scope scope = new(this);
        return _links.TryGetValue(keyring, out Dictionary<string, MemoryKey>? linked)
            ? [.. linked.Values.Select(key => key.Serial)]
            : [];
    }

    /// <summary>Finds a key by description in a keyring and those below it: keyctl(KEYCTL_SEARCH, …).</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="keyring">Where to start.</param>
    /// <param name="description">The key's name.</param>
    /// <param name="destination">Where to link what was found; null for nowhere.</param>
    /// <param name="serial">The key's serial.</param>
    /// <returns>
    /// What resolving the keyrings answers; ENODEV (no such key type); ENOKEY; EKEYREVOKED, EKEYEXPIRED or EACCES when
    /// a key of that name was passed over for it and no other was found; EACCES (no right to link).
    /// </returns>
    public Errno Search(
        KeyCaller caller, KeySerial keyring, string description, KeySerial? destination, out KeySerial serial)
    {
        using Scope scope = new(this);
        serial = default;
        Errno errno = _keyrings.Resolve(caller, keyring, KeyPermissions.Search, out KeySerial resolved);
        return errno != Errno.None ? errno
            : SearchLocked(caller, _keyrings.Reach(caller, resolved), description, destination, out serial);
    }

    private Errno SearchLocked(
        KeyCaller caller,
        IEnumerable<KeySerial> keyrings,
        string description,
        KeySerial? destination,
        out KeySerial serial)
    {
        serial = default;
        KeySerial target = default;
        Errno errno = destination is { } named
            ? _keyrings.Resolve(caller, named, KeyPermissions.Write, out target)
            : Errno.None;
        if (errno == Errno.None && !_programmer.IsAvailable)
        {
            errno = Errno.ENODEV;
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        errno = Errno.ENOKEY;
        foreach (KeySerial keyring in keyrings)
        {
            if (FindLinkLocked(keyring, description) is not { } key)
            {
                continue;
            }

            errno = key.Validate(_options.Time.GetUtcNow());
            bool isPossessed = IsPossessedLocked(caller, key);
            errno = errno == Errno.None ? key.Check(caller, KeyPermissions.Search, isPossessed) : errno;
            if (errno != Errno.None)
            {
                continue;
            }

            errno = destination is null ? Errno.None : key.Check(caller, KeyPermissions.Link, isPossessed);
            if (errno == Errno.None)
            {
                serial = key.Serial;
                if (destination is not null)
                {
                    LinkLocked(target, key);
                }
            }

            return errno;
        }

        return errno;
    }

    private void LinkLocked(KeySerial keyring, MemoryKey key)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread, "LinkLocked needs the lock.");
        if (!_links.TryGetValue(keyring, out Dictionary<string, MemoryKey>? linked))
        {
            linked = new(StringComparer.Ordinal);
            _links.Add(keyring, linked);
        }

        _ = linked.TryGetValue(key.Description, out MemoryKey? displaced);
        if (displaced == key)
        {
            return;
        }

        linked[key.Description] = key;
        key.Links.Add(keyring);
        if (displaced is not null)
        {
            _ = displaced.Links.Remove(keyring);
            DestroyIfUnusedLocked(displaced);
        }
    }

    private void UnlinkLocked(KeySerial keyring, MemoryKey key)
    {
        Dictionary<string, MemoryKey> linked = _links[keyring];
        _ = linked.Remove(key.Description);
        if (linked.Count == 0)
        {
            _ = _links.Remove(keyring);
        }

        _ = key.Links.Remove(keyring);
        DestroyIfUnusedLocked(key);
    }

    private void UnlinkEverywhereLocked(MemoryKey key)
    {
        while (key.Links.Count > 0)
        {
            UnlinkLocked(key.Links[^1], key);
        }

        DestroyIfUnusedLocked(key);
    }

    private void ForgetKeyringLocked(KeySerial keyring)
    {
        if (_links.Remove(keyring, out Dictionary<string, MemoryKey>? linked))
        {
            foreach (MemoryKey key in linked.Values)
            {
                _ = key.Links.Remove(keyring);
                DestroyIfUnusedLocked(key);
            }
        }
    }
}
