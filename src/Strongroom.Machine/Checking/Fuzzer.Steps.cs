using System;
using System.Collections.Generic;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Memory;
using Strongroom.Secrets;

namespace Strongroom.Machine.Checking;

internal sealed partial class Fuzzer
{
    private string? MapStep(FlatProcess process)
    {
        int pages = 1 + _random.Next(6);
        if (process.Pages.Count + pages > MostPages)
        {
            return null;
        }

        Protection protection = _random.Next(6) == 0 ? Protection.None : Protection.ReadWrite;
        Errno errno = process.Real.MapAnonymous((ulong)pages * PageBytes, protection, out ulong address);
        Log(FuzzStep.Map, process.Real.Number, address);
        for (int i = 0; i < pages && errno == Errno.None; i++)
        {
            process.Add(address + ((ulong)i * PageBytes), new FlatPage(protection, default));
        }

        if (_random.Next(3) == 0)
        {
            _ = process.Real.Space.Advise(new VirtualAddress(address), (ulong)pages * PageBytes, Advice.Mergeable); // optional
        }

        return Expect(Errno.None, errno);
    }

    /// <summary>Picks a run of mapped pages.</summary>
    private bool TryPickRun(FlatProcess process, out ulong start, out int pages)
    {
        pages = 0;
        if (!process.TryPick(_random, out start))
        {
            return false;
        }

        int most = 1 + _random.Next(5);
        while (pages < most && process.Pages.ContainsKey(start + ((ulong)pages * PageBytes)))
        {
            pages++;
        }

        return true;
    }

    private string? UnmapStep(FlatProcess process)
    {
        if (!TryPickRun(process, out ulong start, out int pages))
        {
            return null;
        }

        Log(FuzzStep.Unmap, process.Real.Number, start);
        Errno errno = process.Real.UnmapRange(start, (ulong)pages * PageBytes);
        for (int i = 0; i < pages; i++)
        {
            Detach(process.Pages[start + ((ulong)i * PageBytes)]);
            process.Remove(start + ((ulong)i * PageBytes));
        }

        return Expect(Errno.None, errno);
    }

    private string? EncryptStep(FlatProcess process)
    {
        if (_keys.Count == 0 || !TryPickRun(process, out ulong start, out int pages))
        {
            return null;
        }

        (KeySerial serial, KeyId keyId) = _keys[_random.Next(_keys.Count)];
        bool keep = _random.Next(3) == 0;
        Protection protection = _random.Next(5) == 0 ? Protection.Read : Protection.ReadWrite;
        Log(FuzzStep.Encrypt, start, keyId.Value);
        Errno errno = process.Real.EncryptMprotect(start, (ulong)pages * PageBytes, protection, serial, keep);
        for (int i = 0; i < pages; i++)
        {
            ulong page = start + ((ulong)i * PageBytes);
            FlatPage flat = process.Pages[page];
            bool same = flat.KeyId == keyId && flat.Protection == protection;
            bool moves = flat.KeyId != keyId || (!same && !keep);
            if (moves)
            {
                Detach(flat);
            }

            if (!same && !keep)
            {
                Array.Clear(flat.Values);
            }

            flat.KeyId = keyId;
            flat.Protection = protection;
        }

        return Expect(Errno.None, errno);
    }

    private string? ProtectStep(FlatProcess process)
    {
        if (!TryPickRun(process, out ulong start, out int pages))
        {
            return null;
        }

        Protection protection = _random.Next(4) switch { 0 => Protection.None, 1 => Protection.Read, _ => Protection.ReadWrite };
        Log(FuzzStep.Protect, start, (ulong)protection);
        Errno errno = process.Real.Space.Protect(new VirtualAddress(start), (ulong)pages * PageBytes, protection);
        for (int i = 0; i < pages; i++)
        {
            process.Pages[start + ((ulong)i * PageBytes)].Protection = protection;
        }

        return Expect(Errno.None, errno);
    }

    private string? DropStep(FlatProcess process)
    {
        if (!TryPickRun(process, out ulong start, out int pages))
        {
            return null;
        }

        Log(FuzzStep.Drop, start);
        Errno errno = process.Real.Space.Advise(new VirtualAddress(start), (ulong)pages * PageBytes, Advice.DontNeed);
        for (int i = 0; i < pages; i++)
        {
            FlatPage flat = process.Pages[start + ((ulong)i * PageBytes)];
            Detach(flat);
            Array.Clear(flat.Values);
        }

        return Expect(Errno.None, errno);
    }

    private string? KeyStep()
    {
        Log(FuzzStep.Key, (ulong)_keys.Count);
        KeyCaller caller = _processes[0].Real.Caller;
        if (_keys.Count > 0 && _random.Next(2) == 0)
        {
            int at = _random.Next(_keys.Count);
            KeySerial gone = _keys[at].Serial;
            _keys.RemoveAt(at);
            Errno invalidated = _kernel.Keys.Invalidate(caller, gone);
            _ = _kernel.Keys.CollectGarbage(); // the time of the next one does not matter
            return Expect(Errno.None, invalidated) ?? _kernel.FindBrokenLine();
        }

        string payload = _random.Next(5) switch
        {
            0 => "type=no-encrypt",
            1 => "type=cpu algorithm=aes-xts-256",
            _ => "type=cpu algorithm=aes-xts-128",
        };
        int package = _random.Next(s_machine.Packages);
        if (_random.Next(4) == 0)
        {
            _kernel.Platform.InjectBusy(package, _random.Next(1, 5));
            _kernel.Platform.InjectEntropyFailure(package, _random.Next(0, 5));
        }

        using SecretBuffer fields = SecretBuffer.Allocate(KeyFields.LengthBytes);
        int available = _kernel.Keys.Slots.AvailableCount;
        Errno errno = _kernel.Keys.Add(
            caller, "key" + _keysMade++, Encoding.ASCII.GetBytes(payload), KeySerial.ProcessKeyring, fields.Span, out KeySerial serial);
        if (errno != Errno.None)
        {
            return available == 0 ? Expect(Errno.ENOKEY, errno) : $"add_key fails with {errno} while {available} slots are free";
        }

        _keys.Add((serial, _kernel.Keys.FindKeyId(serial)));
        return null;
    }

    private string? ForkStep(FlatProcess process)
    {
        if (_processes.Count == MostProcesses)
        {
            return null;
        }

        Log(FuzzStep.Fork, process.Real.Number);
        FlatProcess child = new(process.Real.Fork());
        foreach ((ulong page, FlatPage flat) in process.Pages)
        {
            child.Add(page, flat.Clone());
        }

        _processes.Add(child);
        return null;
    }

    private string? EndStep(FlatProcess process)
    {
        Log(FuzzStep.End, process.Real.Number);
        foreach (FlatPage flat in process.Pages.Values)
        {
            Detach(flat);
        }

        foreach (ulong page in new List<ulong>(process.Pages.Keys))
        {
            process.Remove(page);
        }

        // The first process holds the keyring.
        if (process == _processes[0] || _random.Next(3) == 0)
        {
            process.Real.Exec();
            return null;
        }

        process.Real.Exit();
        _ = _processes.Remove(process); // it is there
        return null;
    }
}
