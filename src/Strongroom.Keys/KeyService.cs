using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Strongroom.Core;

namespace Strongroom.Keys;

/// <summary>The mktme key service: makes memory keys, gives them KeyIDs, programs their slots, and takes the slots
/// back.</summary>
/// <remarks>
/// <para>
/// It is the key type of the patch series together with what Linux's key retention service does around it, so that its
/// methods answer as the system calls add_key(2), request_key(2) and keyctl(2) would for type "mktme": the same errors
/// in the same order. Keyrings are the machine's (<see cref="IKeyrings"/>), links to memory keys are kept here.
/// </para>
/// <para>
/// A key exists while a keyring links to it or a call holds it. When it goes, its reference to the slot goes with it;
/// the slot lives on while VMAs and pages use it, see <see cref="KeySlotState"/>.
/// </para>
/// <para>Thread safety: all members may be called from any thread. Lock order: any lock of a machine or an address
/// space, then this service's lock, then whatever the programmer takes.</para>
/// </remarks>
public sealed partial class KeyService
{
    private readonly IKeyProgrammer _programmer;      // immutable; called under _lock
    private readonly IKeyrings _keyrings;             // immutable; called under _lock
    private readonly KeyServiceOptions _options;      // immutable
    private readonly KeyApiRules _rules;              // immutable
    private readonly Lock _lock = new();
    private readonly ConcurrentQueue<KeyId> _released = new();

    private readonly Dictionary<KeySerial, MemoryKey> _keys = [];                              // guarded by _lock
    private readonly Dictionary<KeySerial, Dictionary<string, MemoryKey>> _links = [];         // guarded by _lock
    private readonly PriorityQueue<MemoryKey, DateTimeOffset> _mortal = new();                 // guarded by _lock
    private readonly KeySlot[] _slots;                // what is programmed, by KeyID; guarded by _lock
    private readonly KeyServiceCounters _counters = new();
    private bool _isTopologyKnownSafe;                // guarded by _lock

    /// <summary>Makes a service without keys.</summary>
    /// <param name="programmer">The machine's key tables.</param>
    /// <param name="keyrings">The keyrings that keys are linked to.</param>
    /// <param name="options">Rules, sizes and clocks.</param>
    public KeyService(IKeyProgrammer programmer, IKeyrings keyrings, KeyServiceOptions options)
    {
        ArgumentNullException.ThrowIfNull(programmer);
        ArgumentNullException.ThrowIfNull(keyrings);
        ArgumentNullException.ThrowIfNull(options);
        _programmer = programmer;
        _keyrings = keyrings;
        _options = options;
        _rules = new(options.Api);
        Slots = new(options.KeyIdBits, OnSlotReleased);
        _slots = new KeySlot[Slots.SlotCount + 1];
    }

    /// <summary>Gets the slots, where VMAs and pages leave their references.</summary>
    public KeySlotTable Slots { get; }

    /// <summary>Gets whose rules apply.</summary>
    public KeyApiVersion Api => _options.Api;

    /// <summary>Gets a value indicating whether encrypt_mprotect refuses a length that is no multiple of the page
    /// size.</summary>
    /// <remarks>The first version had no such check and rounded up as mprotect does.</remarks>
    public bool IsLengthChecked => _rules.ChecksLength;

    /// <summary>Gets counts of what happened so far.</summary>
    public KeyServiceCounters Counters => _counters;

    /// <summary>Finds a key for a call that uses it, and keeps it from going away meanwhile.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="serial">The key.</param>
    /// <param name="need">The right that the call needs; encrypt_mprotect asks for View.</param>
    /// <param name="hold">Dispose it when the call is done; a hold of nothing after a failure.</param>
    /// <returns>
    /// Success, also for a key of another type, whose hold has KeyID 0; ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES.
    /// </returns>
    /// <remarks>Source: lookup_user_key, security/keys/process_keys.c: the key's state is checked before the
    /// right.</remarks>
    public Errno Hold(KeyCaller caller, KeySerial serial, KeyPermissions need, out KeyHold hold)
    {
        using Scope scope = new(this);
        hold = default;
        if (!_keys.ContainsKey(serial))
        {
            return _keyrings.CheckForeign(caller, serial, need);
        }

        Errno errno = LookupLocked(caller, serial, need, out MemoryKey? key);
        if (errno == Errno.None)
        {
            key!.HoldCount++;
            hold = new(this, key);
        }

        return errno;
    }

    /// <summary>Destroys every key whose time has come, as the kernel's garbage collector does after its
    /// delay.</summary>
    /// <returns>When to call again; null when no key is waiting for anything.</returns>
    /// <remarks>Every other call collects too; this is for a machine that wants it to happen without a call.</remarks>
    public DateTimeOffset? CollectGarbage()
    {
        using Scope scope = new(this);
        return CollectLocked();
    }

    /// <summary>Ends the use that a <see cref="KeyHold"/> stands for.</summary>
    internal void Release(MemoryKey key)
    {
        using Scope scope = new(this);
        key.HoldCount--;
        DestroyIfUnusedLocked(key);
    }

    private Errno LookupLocked(KeyCaller caller, KeySerial serial, KeyPermissions need, out MemoryKey? key)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread, "LookupLocked needs the lock.");
        if (!_keys.TryGetValue(serial, out key))
        {
            return Errno.ENOKEY;
        }

        Errno errno = key.Validate(_options.Time.GetUtcNow());
        return errno != Errno.None ? errno : key.Check(caller, need, IsPossessedLocked(caller, key));
    }

    /// <summary>Tells whether a search of the caller's own keyrings finds the key, which needs the right to
    /// search.</summary>
    private bool IsPossessedLocked(KeyCaller caller, MemoryKey key)
    {
        if (key.Links.Count == 0 || key.Check(caller, KeyPermissions.Search, isPossessed: true) != Errno.None)
        {
            return false;
        }

        foreach (KeySerial keyring in _keyrings.Possessed(caller))
        {
            if (_links.TryGetValue(keyring, out Dictionary<string, MemoryKey>? linked)
                && linked.TryGetValue(key.Description, out MemoryKey? found) && found == key)
            {
                return true;
            }
        }

        return false;
    }

    private void OnSlotReleased(KeyId keyId)
    {
        // Whoever dropped the last reference may hold any lock, so this must not wait for ours. If somebody holds it,
        // that thread clears the slot when it is done (Scope.Dispose looks after it has let go).
        _released.Enqueue(keyId);
        ReclaimWithoutWaiting();
    }

    private void ReclaimWithoutWaiting()
    {
        while (!_released.IsEmpty && !_lock.IsHeldByCurrentThread && _lock.TryEnter())
        {
            try
            {
                ReclaimLocked();
            }
            finally
            {
                _lock.Exit();
            }
        }
    }

    /// <summary>Clears the slots that nothing holds any more and makes them available.</summary>
    private void ReclaimLocked()
    {
        Debug.Assert(_lock.IsHeldByCurrentThread, "ReclaimLocked needs the lock.");
        while (_released.TryDequeue(out KeyId keyId))
        {
            _slots[keyId.Value] = default;
            ClearSlotLocked(keyId);
            Slots.Free(keyId);
        }
    }

    /// <summary>The lock, held from the start of a call to its end, with what is due done on both sides.</summary>
    private readonly ref struct Scope : IDisposable
    {
        private readonly KeyService _service;

        internal Scope(KeyService service)
        {
            _service = service;
            service._lock.Enter();
            try
            {
                _ = service.CollectLocked();
                service.ReclaimLocked();
            }
            catch
            {
                service._lock.Exit();
                throw;
            }
        }

        public void Dispose()
        {
            try
            {
                _service.ReclaimLocked();
            }
            finally
            {
                _service._lock.Exit();
            }

            _service.ReclaimWithoutWaiting();
        }
    }

    /// <summary>What a slot in use holds; the default is nothing.</summary>
    private struct KeySlot
    {
        public MemoryKey? Key;
        public KeySpec Spec;
        public bool IsProgrammed;
        public bool IsErased;
    }
}
