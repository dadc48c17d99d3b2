using System;
using System.Collections.Generic;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>Keyrings of a machine that has none of its own: one per thread, process, session and user, made on first
/// use.</summary>
/// <remarks>
/// Every process is in the session of its parent, which the machine tells with <see cref="Inherit"/>; a process that
/// nobody introduced is in a session of its own. Keyrings do not nest here. Permissions are those of the kernel's own
/// special keyrings (security/keys/process_keys.c): everything for the possessor; for the user view and read, and
/// everything on the user's own keyrings. Thread safety: none of its own; used under the key
/// service's lock, and by its machine while nobody calls the service.
/// </remarks>
public sealed class LocalKeyrings : IKeyrings
{
    private readonly Random _serials;
    private readonly Dictionary<KeySerial, Ring> _rings = [];
    private readonly Dictionary<(Kind Kind, long Owner), KeySerial> _special = [];
    private readonly Dictionary<int, KeySerial> _sessions = [];

    /// <summary>Makes a machine without keyrings.</summary>
    /// <param name="seed">Seed of the serials, for runs that repeat.</param>
    public LocalKeyrings(int seed)
    {
        _serials = new(seed);
    }

    private enum Kind
    {
        Thread,
        Process,
        Session,
        User,
        UserSession,
    }

    /// <summary>Puts a process into the session of another, as fork does.</summary>
    public void Inherit(KeyCaller parent, int childProcessId) =>
        _sessions[childProcessId] = Special(parent, KeySerial.SessionKeyring.Value)!.Value;

    /// <summary>Gives a process a fresh session, as keyctl(KEYCTL_JOIN_SESSION_KEYRING) does.</summary>
    public KeySerial JoinNewSession(KeyCaller caller) => _sessions[caller.ProcessId] = NewRing(caller);

    /// <summary>Forgets the keyrings of a process or thread that has ended.</summary>
    /// <param name="processId">The process.</param>
    /// <param name="threadId">The thread.</param>
    /// <returns>The keyrings that no longer exist; tell <see cref="KeyService.ForgetKeyring"/>.</returns>
    public IReadOnlyList<KeySerial> End(int processId, int threadId)
    {
        List<KeySerial> gone = [];
        foreach ((Kind Kind, long Owner) name in new[] { (Kind.Thread, (long)threadId), (Kind.Process, processId) })
        {
            if ((name.Kind == Kind.Thread || processId == threadId) && _special.Remove(name, out KeySerial serial))
            {
                _ = _rings.Remove(serial);
                gone.Add(serial);
            }
        }

        if (processId == threadId && _sessions.Remove(processId, out KeySerial session)
            && !_sessions.ContainsValue(session) && _rings.Remove(session))
        {
            gone.Add(session);
        }

        return gone;
    }

    /// <inheritdoc/>
    public Errno Resolve(KeyCaller caller, KeySerial named, KeyPermissions need, out KeySerial keyring)
    {
        keyring = named.Value < 0 ? Special(caller, named.Value) ?? default : named;
        return keyring.Value == 0 ? Errno.EINVAL
            : !_rings.TryGetValue(keyring, out Ring ring) ? Errno.ENOKEY
            : (ring.For(caller, IsPossessed(caller, keyring)) & need) == need ? Errno.None : Errno.EACCES;
    }

    /// <inheritdoc/>
    public IEnumerable<KeySerial> Reach(KeyCaller caller, KeySerial keyring) => [keyring];

    /// <inheritdoc/>
    public IEnumerable<KeySerial> Possessed(KeyCaller caller)
    {
        if (_special.TryGetValue((Kind.Thread, caller.ThreadId), out KeySerial thread))
        {
            yield return thread;
        }

        if (_special.TryGetValue((Kind.Process, caller.ProcessId), out KeySerial process))
        {
            yield return process;
        }

        if (_sessions.TryGetValue(caller.ProcessId, out KeySerial session))
        {
            yield return session;
        }
        else if (_special.TryGetValue((Kind.UserSession, caller.FsUid), out KeySerial userSession))
        {
            // Without a session of its own a process uses its user's default one (search_process_keyrings).
            yield return userSession;
        }
    }

    /// <inheritdoc/>
    public Errno CheckForeign(KeyCaller caller, KeySerial serial, KeyPermissions need) =>
        Resolve(caller, serial, need, out _);

    /// <inheritdoc/>
    public KeySerial ProposeSerial()
    {
        KeySerial serial = new(_serials.Next(3, int.MaxValue));
        return _rings.ContainsKey(serial) ? ProposeSerial() : serial;
    }

    private KeySerial? Special(KeyCaller caller, int number)
    {
        (Kind Kind, long Owner)? name = number switch
        {
            -1 => (Kind.Thread, caller.ThreadId),
            -2 => (Kind.Process, caller.ProcessId),
            -3 => (Kind.Session, caller.ProcessId),
            -4 => (Kind.User, caller.FsUid),
            -5 => (Kind.UserSession, caller.FsUid),
            _ => null,
        };
        if (name is not { } key)
        {
            return null;
        }

        if (key.Kind == Kind.Session)
        {
            return _sessions.TryGetValue(caller.ProcessId, out KeySerial session)
                ? session
                : _sessions[caller.ProcessId] = NewRing(caller);
        }

        if (!_special.TryGetValue(key, out KeySerial serial))
        {
            serial = NewRing(caller, key.Kind is Kind.User or Kind.UserSession);
            _special.Add(key, serial);
        }

        return serial;
    }

    private KeySerial NewRing(KeyCaller owner, bool isUsers = false)
    {
        KeySerial serial = ProposeSerial();
        _rings.Add(serial, new(owner.FsUid, owner.FsGid, isUsers));
        return serial;
    }

    private bool IsPossessed(KeyCaller caller, KeySerial keyring)
    {
        foreach (KeySerial possessed in Possessed(caller))
        {
            if (possessed == keyring)
            {
                return true;
            }
        }

        return false;
    }

    private readonly struct Ring(uint uid, uint gid, bool isUsers)
    {
        private const uint PermissionsOfProcesses = 0x3f030000;
        private const uint PermissionsOfUsers = 0x1f3f0000;

        internal KeyPermissions For(KeyCaller caller, bool isPossessed) =>
            new KeyPermissionMask(isUsers ? PermissionsOfUsers : PermissionsOfProcesses)
                .For(caller, uid, gid, isPossessed);
    }
}
