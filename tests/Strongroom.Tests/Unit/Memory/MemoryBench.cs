using System.Collections.Generic;
using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Memory;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Unit.Memory;

/// <summary>Holds pages as (KeyID, value), takes references for them, and checks what it is told against what it
/// holds.</summary>
internal sealed class FakeMachine(KeySlotTable slots) : IMemoryMachine
{
    internal SortedDictionary<ulong, (KeyId KeyId, ulong Value)> Pages { get; } = [];

    internal List<string> Log { get; } = [];

    /// <summary>What to refuse with, and at which page of a piece.</summary>
    internal Errno Refusal { get; set; }

    internal ulong RefusedPage { get; set; }

    public Errno ChangeProtection(AddressRange range, Protection oldProtection, Protection newProtection)
    {
        Log.Add($"protect {Show(range)} {oldProtection} to {newProtection}");
        Assert.NotEqual(oldProtection, newProtection);
        return Refuse(range);
    }

    public Errno ChangeKey(in KeyChange change)
    {
        Log.Add($"key {Show(change.Range)} {change.From.KeyId} to {change.To.KeyId} {change.Data}");
        Errno refusal = Refuse(change.Range);
        if (refusal != Errno.None)
        {
            return refusal;
        }

        foreach ((ulong page, (KeyId keyId, ulong value)) in PagesIn(change.Range))
        {
            Assert.Equal(change.From.KeyId, keyId);
            if (change.Data == KeyChangeData.Keep)
            {
                slots.AddPages(change.To.KeyId);
                Pages[page] = (change.To.KeyId, value);
            }
            else
            {
                _ = Pages.Remove(page);
            }

            slots.DropPages(keyId);
        }

        return Errno.None;
    }

    public void Unmap(Vma vma, AddressRange range)
    {
        Log.Add($"unmap {Show(range)}");
        Assert.True(vma.Range.Intersect(range) == range);
        Drop(range);
    }

    public void Zap(Vma vma, AddressRange range)
    {
        Log.Add($"zap {Show(range)}");
        Assert.True(vma.Range.Intersect(range) == range);
        Drop(range);
    }

    public Errno Move(Vma vma, AddressRange range, VirtualAddress destination)
    {
        Log.Add($"move {Show(range)} to {destination.Page.Value:x}");
        Errno refusal = Refuse(range);
        if (refusal != Errno.None)
        {
            return refusal;
        }

        foreach ((ulong page, (KeyId KeyId, ulong Value) held) in PagesIn(range))
        {
            Assert.True(Pages.Remove(page));
            Pages.Add(page - range.Start.Page.Value + destination.Page.Value, held);
        }

        return Errno.None;
    }

    public void CopyForFork(IMemoryMachine child, Vma vma)
    {
        Log.Add($"fork {Show(vma.Range)}");
        foreach ((ulong page, (KeyId KeyId, ulong Value) held) in PagesIn(vma.Range))
        {
            slots.AddPages(held.KeyId);
            ((FakeMachine)child).Pages.Add(page, held);
        }
    }

    /// <summary>Writes a page, faulting it in under the KeyID of its VMA.</summary>
    internal void Write(AddressSpace space, ulong page, ulong value)
    {
        Vma vma = space.Find(new PageNumber(page).Address)!;
        if (!Pages.ContainsKey(page))
        {
            slots.AddPages(vma.KeyId);
        }

        Pages[page] = (vma.KeyId, value);
    }

    internal ulong Read(ulong page) => Pages.TryGetValue(page, out (KeyId KeyId, ulong Value) held) ? held.Value : 0;

    private static string Show(AddressRange range) => $"{range.Start.Page.Value:x}-{range.End.Page.Value:x}";

    private Errno Refuse(AddressRange range) => range.Contains(new PageNumber(RefusedPage).Address) ? Refusal : Errno.None;

    private KeyValuePair<ulong, (KeyId KeyId, ulong Value)>[] PagesIn(AddressRange range) =>
        [.. Pages.Where(pair => range.Contains(new PageNumber(pair.Key).Address))];

    private void Drop(AddressRange range)
    {
        foreach ((ulong page, (KeyId keyId, _)) in PagesIn(range))
        {
            _ = Pages.Remove(page);
            slots.DropPages(keyId);
        }
    }
}

/// <summary>An address space with its fakes, addressed in pages.</summary>
internal sealed class MemoryBench
{
    internal MemoryBench(KeyApiVersion api = KeyApiVersion.Union, int maxVmaCount = 1000)
    {
        Keys = new(api, keyIdBits: 4);
        Machine = new(Keys.Slots);
        Space = new(Keys.Slots, Machine, new() { MaxVmaCount = maxVmaCount });
    }

    internal KeyBench Keys { get; }

    internal FakeMachine Machine { get; }

    internal AddressSpace Space { get; }

    internal static VirtualAddress At(ulong page) => new(page * PageNumber.SizeBytes);

    internal static AddressRange Pages(ulong start, ulong end) => new(At(start), At(end));

    internal void Map(ulong start, ulong end, Protection protection = Protection.ReadWrite, VmaBacking? backing = null) =>
        Map(start, end, new VmaAttributes(protection, backing: backing));

    internal void Map(ulong start, ulong end, VmaAttributes attributes, ulong offsetPages = 0)
    {
        Assert.Equal(Errno.None, Space.Map(
            new((end - start) * PageNumber.SizeBytes, attributes, At(start), MapPlacement.Fixed, offsetPages * PageNumber.SizeBytes),
            out VirtualAddress address));
        Assert.Equal(At(start), address);
    }

    internal Errno Encrypt(
        KeySerial serial, ulong start, ulong end, Protection protection = Protection.ReadWrite, KeyChangeData data = KeyChangeData.Discard) =>
        Space.EncryptMprotect(
            Keys.Service, KeyBench.Root, serial, At(start), (end - start) * PageNumber.SizeBytes, protection, data);

    internal Errno Protect(ulong start, ulong end, Protection protection) =>
        Space.Protect(At(start), (end - start) * PageNumber.SizeBytes, protection);

    internal Errno Unmap(ulong start, ulong end) => Space.Unmap(At(start), (end - start) * PageNumber.SizeBytes);

    internal Errno Advise(ulong start, ulong end, Advice advice) =>
        Space.Advise(At(start), (end - start) * PageNumber.SizeBytes, advice);

    internal Errno Remap(ulong start, ulong oldCount, ulong newCount, RemapOptions options, ulong destination, out ulong page)
    {
        Errno errno = Space.Remap(
            At(start), oldCount * PageNumber.SizeBytes, newCount * PageNumber.SizeBytes, options, At(destination), out VirtualAddress address);
        page = address.Page.Value;
        return errno;
    }

    /// <summary>Shows the VMAs as text, one a piece: start-end, protection, KeyID.</summary>
    internal string Show() => Show(Space);

    internal static string Show(AddressSpace space) => string.Join(", ", space.Vmas.Select(vma =>
        $"{vma.Start.Page.Value:x}-{vma.End.Page.Value:x} {Letters(vma.Protection)} {vma.KeyId}"));

    internal (int Vmas, long Pages) References(int keyId)
    {
        KeySlotReferences references = Keys.Slots.GetReferences(new((ushort)keyId));
        return (references.VmaCount, references.PageCount);
    }

    internal static string Letters(Protection protection) =>
        ((protection & Protection.Read) != 0 ? "r" : "-") + ((protection & Protection.Write) != 0 ? "w" : "-")
        + ((protection & Protection.Execute) != 0 ? "x" : "-");
}
