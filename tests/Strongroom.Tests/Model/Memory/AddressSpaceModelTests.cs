using System;
using System.Collections.Generic;
using System.Linq;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Memory;
using Strongroom.Tests.Harness;
using Strongroom.Tests.Unit.Memory;
using Xunit;

namespace Strongroom.Tests.Model.Memory;

public class AddressSpaceModelTests
{
    private const int Steps = 60_000;
    private const ulong First = 0x100;
    private const int PageCount = 40;
    private const int KeyCount = 3;

    [Fact]
    public void Random_calls_change_VMAs_pages_and_references_as_a_naive_page_table_has_them()
    {
        Random random = new(TestSeed.Choose());
        using MemoryBench bench = new();
        KeySerial[] keys = [.. Enumerable.Range(1, KeyCount).Select(number => bench.Keys.Add($"k{number}"))];
        VmaBacking[] backings = [new(VmaBackingKind.SharedFile, "f"), new(VmaBackingKind.PrivateFile, "g")];
        List<Naive> spaces = [new(bench, bench.Machine, keys, backings)];
        for (int step = 0; step < Steps; step++)
        {
            Naive space = spaces[random.Next(spaces.Count)];
            string call = space.Step(random);
            if (random.Next(200) == 0)
            {
                if (spaces.Count > 1)
                {
                    spaces[1].Space.UnmapAll();
                    spaces.RemoveAt(1);
                }
                else
                {
                    spaces.Add(spaces[0].Fork());
                    call += " and fork";
                }
            }

            string? wrong = spaces.Select(s => s.FindDifference()).FirstOrDefault(d => d is not null)
                ?? FindReferenceDifference(bench, spaces);
            if (wrong is not null)
            {
                Assert.Fail($"Step {step}, {call}: {wrong}.");
            }
        }

        foreach (Naive space in spaces)
        {
            space.Space.UnmapAll();
        }

        bench.Keys.Service.Clear();
        bench.Keys.CheckNothingIsLeft();
    }

    private static string? FindReferenceDifference(MemoryBench bench, List<Naive> spaces)
    {
        for (int number = 1; number <= KeyCount; number++)
        {
            (int, long) expected = (spaces.Sum(s => s.CountRuns(number)), spaces.SelectMany(s => s.FramesUnder(number)).Distinct().Count());
            if (bench.References(number) != expected)
            {
                return $"KeyID {number} has references {bench.References(number)}, not {expected}";
            }
        }

        return null;
    }

    /// <summary>What a page is, and holds; the frame is a name that pages share exactly while they share a frame.</summary>
    private readonly record struct Entry(VmaAttributes Attributes, ulong OffsetPage, ulong? Value, ulong Frame = 0)
    {
        internal bool IsAnonymous => Attributes.Backing.IsAnonymous;
    }

    /// <summary>One entry a page, null where nothing is mapped; every call is a loop over pages.</summary>
    private sealed class Naive(MemoryBench bench, MachinePages machine, KeySerial[] keys, VmaBacking[] backings)
    {
        private static readonly Protection[] s_protections =
            [Protection.None, Protection.Read, Protection.ReadWrite, Protection.Read | Protection.Execute];

        private static readonly Advice[] s_advice =
        [
            Advice.DontNeed, Advice.Mergeable, Advice.Unmergeable, Advice.DontFork, Advice.DoFork, Advice.WipeOnFork, Advice.KeepOnFork,
            Advice.HugePage, Advice.NoHugePage,
        ];

        private readonly Entry?[] _pages = new Entry?[PageCount];
        private ulong _value;

        internal AddressSpace Space { get; } = machine.Process.Space;

        internal string Step(Random random)
        {
            int start = random.Next(PageCount);
            int end = random.Next(start + 1, Math.Min(PageCount, start + 12) + 1);
            Protection protection = s_protections[random.Next(s_protections.Length)];
            switch (random.Next(10))
            {
                case 0 or 1:
                    return Map(random, start, end, protection);
                case 2:
                    return Unmap(start, end);
                case 3:
                    return Protect(start, end, protection);
                case 4 or 5:
                    return Encrypt(random, start, end, protection);
                case 6:
                    return Advise(start, end, s_advice[random.Next(s_advice.Length)]);
                case 7:
                    return Remap(random, start, end - start);
                default:
                    return Write(start, end);
            }
        }

        internal Naive Fork()
        {
            Naive child = new(bench, new(bench.Kernel, machine.Process.Fork()), keys, backings) { _value = _value + 1_000_000 };
            for (int page = 0; page < PageCount; page++)
            {
                VmaTraits traits = _pages[page]?.Attributes.Traits ?? VmaTraits.None;
                child._pages[page] = (traits & VmaTraits.DontFork) != 0 ? null
                    : (traits & VmaTraits.WipeOnFork) != 0 ? _pages[page]!.Value with { Value = null } : _pages[page];
            }

            return child;
        }

        internal string? FindDifference()
        {
            (int Start, int End)[] runs = [.. Runs()];
            Vma[] vmas = [.. Space.Vmas];
            if (runs.Length != vmas.Length)
            {
                return $"{vmas.Length} VMAs instead of {runs.Length}: {MemoryBench.Show(Space)}";
            }

            for (int i = 0; i < runs.Length; i++)
            {
                Entry entry = _pages[runs[i].Start]!.Value;
                ulong offset = entry.IsAnonymous ? 0 : entry.OffsetPage * PageNumber.SizeBytes;
                if (vmas[i].Range != MemoryBench.Pages(First + (ulong)runs[i].Start, First + (ulong)runs[i].End)
                    || vmas[i].Attributes != entry.Attributes || vmas[i].OffsetBytes != offset)
                {
                    return $"{vmas[i]} instead of pages {runs[i]} {entry}";
                }
            }

            for (int page = 0; page < PageCount; page++)
            {
                bool isThere = machine.TryPeek(First + (ulong)page, out KeyId keyId, out ulong value);
                if ((isThere ? value : null) != _pages[page]?.Value || (isThere && keyId != _pages[page]!.Value.Attributes.KeyId))
                {
                    return $"page {page} holds {value} under KeyID {keyId} instead of {_pages[page]}";
                }
            }

            return null;
        }

        internal int CountRuns(int keyId) => Runs().Count(run => _pages[run.Start]!.Value.Attributes.KeyId.Value == keyId);

        internal IEnumerable<ulong> FramesUnder(int keyId) =>
            _pages.Where(page => page is { Value: not null } entry && entry.Attributes.KeyId.Value == keyId).Select(page => page!.Value.Frame);

        private IEnumerable<(int Start, int End)> Runs()
        {
            for (int start = 0; start < PageCount;)
            {
                int end = start + 1;
                if (_pages[start] is not null)
                {
                    while (end < PageCount && AreOne(_pages[end - 1]!.Value, _pages[end]))
                    {
                        end++;
                    }

                    yield return (start, end);
                }

                start = end;
            }
        }

        private static bool AreOne(Entry one, Entry? next) => next is { } other && one.Attributes == other.Attributes
            && (one.IsAnonymous || one.OffsetPage + 1 == other.OffsetPage);

        private static VirtualAddress At(int page) => MemoryBench.At(First + (ulong)page);

        private static ulong Bytes(int pages) => (ulong)pages * PageNumber.SizeBytes;

        private string Map(Random random, int start, int end, Protection protection)
        {
            VmaBacking? backing = random.Next(6) == 0 ? backings[random.Next(backings.Length)] : null;
            Protection max = random.Next(8) == 0 ? protection : Protection.All;
            ulong offset = backing is null ? 0 : (ulong)random.Next(4);
            VmaAttributes attributes = new(protection, max, backing: backing);
            Assert.Equal(Errno.None, Space.Map(
                new(Bytes(end - start), attributes, At(start), MapPlacement.Fixed, offset * PageNumber.SizeBytes), out _));
            for (int page = start; page < end; page++)
            {
                _pages[page] = new(attributes, offset + (ulong)(page - start), null);
            }

            return $"map {start}-{end}";
        }

        private string Unmap(int start, int end)
        {
            Assert.Equal(Errno.None, Space.Unmap(At(start), Bytes(end - start)));
            Array.Clear(_pages, start, end - start);
            return $"unmap {start}-{end}";
        }

        private string Protect(int start, int end, Protection protection)
        {
            Errno expected = Walk(start, end, protection, entry => entry with { Attributes = entry.Attributes.WithProtection(protection) });
            Assert.Equal(expected, Space.Protect(At(start), Bytes(end - start), protection));
            return $"protect {start}-{end} {protection}";
        }

        private string Encrypt(Random random, int start, int end, Protection protection)
        {
            int number = random.Next(KeyCount);
            KeyChangeData data = random.Next(3) == 0 ? KeyChangeData.Keep : KeyChangeData.Discard;
            bool isSplitForm = random.Next(4) == 0;
            Errno errno = isSplitForm
                ? Space.Encrypt(bench.Keys.Service, Strongroom.Tests.Unit.Keys.KeyBench.Root, keys[number], At(start), Bytes(end - start), data)
                : Space.EncryptMprotect(
                    bench.Keys.Service, Strongroom.Tests.Unit.Keys.KeyBench.Root, keys[number], At(start), Bytes(end - start), protection, data);
            Errno expected = _pages[start] is null ? Errno.ENOMEM
                : _pages.Skip(start).Take(end - start).Any(page => page is { IsAnonymous: false }) ? Errno.EINVAL
                : Walk(start, end, isSplitForm ? Protection.None : protection, entry =>
                {
                    VmaAttributes attributes = entry.Attributes.WithKeyId(new((ushort)(number + 1)));
                    attributes = isSplitForm ? attributes : attributes.WithProtection(protection);
                    return attributes == entry.Attributes ? entry
                        : new(
                            attributes,
                            entry.OffsetPage,
                            data == KeyChangeData.Keep ? entry.Value : null,
                            attributes.KeyId == entry.Attributes.KeyId ? entry.Frame : ++_value);
                });
            Assert.Equal(expected, errno);
            return $"encrypt {start}-{end} {protection} with {number + 1}, {data}, split form: {isSplitForm}";
        }

        /// <summary>Changes page by page until a hole, or a page that must not have the protection.</summary>
        private Errno Walk(int start, int end, Protection protection, Func<Entry, Entry> change)
        {
            for (int page = start; page < end; page++)
            {
                if (_pages[page] is not { } entry)
                {
                    return Errno.ENOMEM;
                }

                if ((protection & ~entry.Attributes.MaxProtection) != 0)
                {
                    return Errno.EACCES;
                }

                _pages[page] = change(entry);
            }

            return Errno.None;
        }

        private string Advise(int start, int end, Advice advice)
        {
            Errno expected = Errno.None;
            for (int page = start; page < end && expected != Errno.EINVAL; page++)
            {
                if (_pages[page] is not { } entry)
                {
                    expected = Errno.ENOMEM;
                    continue;
                }

                VmaTraits traits = entry.Attributes.Traits;
                if (advice == Advice.WipeOnFork && !entry.IsAnonymous)
                {
                    expected = Errno.EINVAL;
                    break;
                }

                traits = advice switch
                {
                    Advice.Mergeable => traits | VmaTraits.Mergeable,
                    Advice.Unmergeable => traits & ~VmaTraits.Mergeable,
                    Advice.DontFork => traits | VmaTraits.DontFork,
                    Advice.DoFork => traits & ~VmaTraits.DontFork,
                    Advice.WipeOnFork => traits | VmaTraits.WipeOnFork,
                    Advice.KeepOnFork => traits & ~VmaTraits.WipeOnFork,
                    Advice.HugePage => (traits | VmaTraits.HugePage) & ~VmaTraits.NoHugePage,
                    Advice.NoHugePage => (traits | VmaTraits.NoHugePage) & ~VmaTraits.HugePage,
                    _ => traits,
                };
                _pages[page] = new(
                    entry.Attributes.WithTraits(traits), entry.OffsetPage, advice == Advice.DontNeed ? null : entry.Value, entry.Frame);
            }

            Assert.Equal(expected, Space.Advise(At(start), Bytes(end - start), advice));
            return $"advise {start}-{end} {advice}";
        }

        private string Remap(Random random, int start, int count)
        {
            int place = random.Next(PageCount - count + 1);
            bool leaves = random.Next(4) == 0;
            RemapOptions options = RemapOptions.MayMove | RemapOptions.Fixed | (leaves ? RemapOptions.DontUnmap : RemapOptions.None);
            Errno errno = Space.Remap(At(start), Bytes(count), Bytes(count), options, At(place), out VirtualAddress address);
            string call = $"remap {start}-{start + count} to {place}, leaving the old range: {leaves}";
            if (_pages[start] is null || Math.Abs(place - start) < count)
            {
                Assert.Equal(Math.Abs(place - start) < count ? Errno.EINVAL : Errno.EFAULT, errno);
                return call;
            }

            // The new place is emptied before the old range is looked at again.
            bool isOneVma = Runs().Any(run => run.Start <= start && run.End >= start + count);
            Array.Clear(_pages, place, count);
            if (!isOneVma || (leaves && !_pages[start]!.Value.IsAnonymous))
            {
                Assert.Equal(isOneVma ? Errno.EINVAL : Errno.EFAULT, errno);
                return call;
            }

            Assert.Equal((Errno.None, At(place)), (errno, address));
            for (int i = 0; i < count; i++)
            {
                _pages[place + i] = _pages[start + i];
                _pages[start + i] = leaves ? _pages[start + i]!.Value with { Value = null } : null;
            }

            return call;
        }

        private string Write(int start, int end)
        {
            for (int page = start; page < end; page++)
            {
                if (_pages[page] is { IsAnonymous: true } entry && (entry.Attributes.Protection & Protection.Write) != 0)
                {
                    _value++;
                    machine.Write(First + (ulong)page, _value);
                    _pages[page] = entry with { Value = _value, Frame = _value };
                }
            }

            return $"write {start}-{end}";
        }
    }
}
