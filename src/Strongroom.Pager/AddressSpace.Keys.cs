using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;
using Strongroom.Core;
using Strongroom.Kernel;
using Strongroom.Memory;
using Strongroom.Pager.Agent;
using Strongroom.Pager.Calls;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>Memory under keys of the program's own: encrypt_mprotect, and which key a page has.</content>
/// <remarks>
/// A range with a key stays registered, so that its unmapping, moving and forking are heard of. While a range changes, the faults in it
/// are held back: nothing can come to be there under the old key, and the protection changes in one step of the kernel's.
/// </remarks>
internal sealed partial class AddressSpace
{
    internal const int DontNeedLocked = 24; // MADV_DONTNEED_LOCKED, Linux 5.18

    private static readonly PageFilter s_filled = new(
        PageCategories.Present | PageCategories.Swapped, PageCategories.None, PageCategories.None, PageCategories.None);

    private readonly KeyRanges _keyRanges;
    private readonly KeyRanges _displacedKeys;
    private readonly Queue<MemoryCall> _calls = new();
    private AddressRange _changing;
    private bool _doCallsWait; // for the layout to settle

    /// <summary>Gets the ranges that carry keys of the program's own.</summary>
    internal IReadOnlyList<KeyRange> KeyRanges => _keyRanges.All;

    /// <summary>Gets a value indicating whether calls wait to be carried out.</summary>
    internal bool HasCalls => _calls.Count > 0 && Agent is not null;

    /// <summary>Takes a call to carry it out when the agent is free.</summary>
    internal void Queue(MemoryCall call) => _calls.Enqueue(call);

    /// <summary>Carries out one call, unless the agent is busy.</summary>
    /// <returns>Whether there are more that can be carried out now.</returns>
    internal bool TryServeCall()
    {
        if (Agent is not { IsBusy: false } || Verdict is not null || IsGone)
        {
            return false;
        }

        _ = HandleMessages(); // what was unmapped before the call must be known to be
        _doCallsWait = Verdict is null && !HasNothingOutstanding();
        if (_doCallsWait || Verdict is not null || !_calls.TryDequeue(out MemoryCall? call))
        {
            return false;
        }

        Errno errno = Errno.ENOMEM;
        try
        {
            errno = call.IsWaiting ? call.Serve(this) : Errno.ENOSYS;
        }
        finally
        {
            _changing = default;
            call.Finish(errno);
        }

        return _calls.Count > 0;
    }

    /// <summary>Gives memory a key, while the agent does nothing else.</summary>
    /// <returns>The result of the call: reference in <see cref="RangeRules"/>.</returns>
    internal Errno ChangeKeys(EncryptCall call)
    {
        if (_maps is null || !_maps.Refresh())
        {
            return Errno.ENOMEM; // the target is ending
        }

        RangeRules rules = new(this, call, _maps);
        return rules.Apply();
    }

    private void EndCalls()
    {
        while (_calls.TryDequeue(out MemoryCall? call))
        {
            call.Finish(Errno.ENOSYS);
        }
    }

    // The key whose frames hold a page. A key of type clear, or of no encryption, has none: what is sealed there all the same is under
    // the process's own key.
    private KeyDomain DomainOf(PageNumber page) =>
        _keyRanges.Find(page) is { Kind: KeyDomainKind.Encrypted } own ? own : _keys;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private KeyDomain DomainOf(Region region, int index) =>
        _keyRanges.IsEmpty ? _keys : DomainOf(new PageNumber(region.FirstPage + (ulong)index));

    private bool IsNotEncrypted(PageNumber page) => _keyRanges.Find(page) is { Kind: KeyDomainKind.NotEncrypted };

    private bool IsHeldBack(Region region, int index)
    {
        if (region[index].State == PageState.Sealed && DomainOf(region, index).IsErased)
        {
            Condemn("it used memory whose key had been destroyed");
            return true;
        }

        return IsChanging(region, index);
    }

    private bool IsChanging(Region region, int index) =>
        !_changing.IsEmpty && _changing.Contains(new PageNumber(region.FirstPage + (ulong)index).Address);

    // The key of a page that is set aside because something else has landed in its place (Order).
    private KeyDomain DisplacedDomainOf(PageNumber page) =>
        _displacedKeys.Find(page) is { Kind: KeyDomainKind.Encrypted } own ? own : _keys;

    private void SetKeysAside(AddressRange range)
    {
        List<KeyRange> lifted = [];
        _keyRanges.Lift(range, lifted);
        foreach (KeyRange each in lifted)
        {
            _displacedKeys.Land(each, each.Range.Start);
        }
    }

    // What moves away from a place, also if it is set aside because something has landed there before its move was reported.
    private List<KeyRange> LiftKeys(AddressRange source)
    {
        List<KeyRange> lifted = [];
        foreach (AddressRange part in _displaced.PartsOf(source, inSet: true))
        {
            _displacedKeys.Lift(part, lifted);
        }

        foreach (AddressRange part in _displaced.PartsOf(source, inSet: false))
        {
            _keyRanges.Lift(part, lifted);
        }

        return lifted;
    }

    private void LandKeys(List<KeyRange> lifted, AddressRange source, AddressRange target)
    {
        foreach (KeyRange each in lifted)
        {
            _keyRanges.Land(each, new(each.Range.Start.Value - source.Start.Value + target.Start.Value));
        }
    }

    // One piece of one VMA. In its order: hear of its faults and events; empty it; give it its key and its protection.
    private Errno ChangeKey(in KeyChange change, KeyDomain domain)
    {
        AddressRange range = change.Range;
        _changing = range;
        if (!_registered.Contains(range))
        {
            if (_uffd.Register(range) != 0)
            {
                return Errno.EINVAL; // the program serves it with a userfaultfd of its own
            }

            _halfRegistered.Add(range);
            if (!IsOneRegisteredVmaWhenSettled(range))
            {
                return Errno.ENOMEM; // it is being changed by another thread
            }

            _halfRegistered.Remove(range);
            _registered.Add(range);
        }

        bool isKept = change.Data == KeyChangeData.Keep;
        if (isKept && !TryReseal(range, domain, change.To.Protection))
        {
            return Errno.EIO;
        }

        long result = SendChange(change, isEmptied: !isKept && HoldsAnything(range));
        if (result != 0)
        {
            return (Errno)(-result);
        }

        if (!isKept)
        {
            ForgetPages(range);
            _keyRanges.Set(range, domain, change.To.Protection);
        }

        return Errno.None;
    }

    // Any other thread's munmap, madvise, mremap or fork is a change of layout until its event is read: the kernel does not answer before.
    private bool IsOneRegisteredVmaWhenSettled(AddressRange range)
    {
        long start = Stopwatch.GetTimestamp();
        RegistrationState state = _uffd.StateOf(range);
        while (state == RegistrationState.LayoutChanging && Verdict is null && Stopwatch.GetElapsedTime(start) <= AgentLink.Patience)
        {
            _ = HandleMessages();
            _ = Thread.Yield();
            state = _uffd.StateOf(range);
        }

        return state == RegistrationState.OneVma;
    }

    private bool HoldsAnything(AddressRange range)
    {
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end; i++)
            {
                if (region[i].State != PageState.Untracked)
                {
                    return true;
                }
            }
        }

        return _pagemap!.Find(range, s_filled, _runs, out _) != 0; // negative: not known
    }

    private void ForgetPages(AddressRange range)
    {
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end; i++)
            {
                Forget(region, i);
            }
        }
    }

    // Emptying is reported as an event before it happens, and waits until the event is read. So it is done aside, while events are read.
    private long SendChange(in KeyChange change, bool isEmptied)
    {
        AddressRange range = change.Range;
        AgentMessage message = Agent!.Message;
        message.Clear();
        message.IsAside = isEmptied;
        int first = isEmptied ? message.Add(Libc.SYS_madvise, range.Start.Value, range.LengthBytes, DontNeedLocked) : -1;
        ulong name = message.AddData(Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"mktme KeyID {change.To.KeyId.Value}\0")));
        _ = message.Add(Libc.SYS_prctl, Libc.PR_SET_VMA, Libc.PR_SET_VMA_ANON_NAME, range.Start.Value, range.LengthBytes, name); // so that it is not merged
        int last = message.Add(Libc.SYS_mprotect, range.Start.Value, range.LengthBytes, (ulong)change.To.Protection);
        if (!(isEmptied ? TryExchangeAside() : Agent.TryExchange()))
        {
            // The agent ends with the target, which may have been killed in the middle of its call.
            IsGone = !ProcessTable.HasMemory(TargetPid);
            if (!IsGone)
            {
                Condemn("its agent was killed or does not answer");
            }

            return -Libc.ENOMEM;
        }

        long emptied = first < 0 ? 0 : message.Result(first);
        return emptied != 0 ? emptied : message.Result(last);
    }

    private bool TryExchangeAside()
    {
        if (!Agent!.TrySend())
        {
            return false;
        }

        long start = Stopwatch.GetTimestamp();
        while (!Agent.TryReceive(out bool isGone))
        {
            if (isGone || Verdict is not null || Stopwatch.GetElapsedTime(start) > AgentLink.Patience)
            {
                return false;
            }

            _ = HandleMessages();
            _ = Thread.Yield();
        }

        return true;
    }

    // Contents that stay are encrypted anew where they are sealed, without passing through the target.
    private bool TryReseal(AddressRange range, KeyDomain domain, Protection protection)
    {
        EncryptAllStaged();
        KeyDomain target = domain.Kind == KeyDomainKind.Encrypted ? domain : _keys;
        Span<byte> plaintext = _context.Bounce.Take(1);
        List<(PageNumber Page, int Frame)> sealedAnew = [];
        foreach (Region region in _table.RegionsIn(range))
        {
            (int first, int end) = Clip(region, range);
            for (int i = first; i < end && Verdict is null; i++)
            {
                if (region[i].State == PageState.Sealed && DomainOf(region, i) != target)
                {
                    KeyDomain old = DomainOf(region, i);
                    if (old.IsErased)
                    {
                        return false;
                    }

                    old.Frames.Open(region[i].Value, plaintext);
                    sealedAnew.Add((new(region.FirstPage + (ulong)i), target.Seal(plaintext)));
                    old.Release(region[i].Value);
                }
            }
        }

        _keyRanges.Set(range, domain, protection);
        foreach ((PageNumber page, int frame) in sealedAnew)
        {
            _table.Set(page, PageEntry.Of(PageState.Sealed, frame));
        }

        return Verdict is null;
    }
}
