using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Strongroom.Core;
using Strongroom.Keys;
using Xunit;

namespace Strongroom.Tests.Unit.Keys;

public class KeySlotTableTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(6, 63)]
    [InlineData(7, 127)]
    [InlineData(15, 32767)]
    [InlineData(16, 65535)]
    public void Every_KeyId_but_0_is_given_out_once_lowest_first(int bits, int count)
    {
        KeySlotTable table = new(bits, _ => { });
        Assert.Equal(count, table.SlotCount);
        for (int number = 1; number <= count; number++)
        {
            Assert.True(table.TryReserve(out KeyId keyId));
            Assert.Equal(number, keyId.Value);
        }

        Assert.False(table.TryReserve(out KeyId none));
        Assert.True(none.IsPlatform);
        Assert.Equal(0, table.AvailableCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(17)]
    public void Bits_beyond_the_architecture_are_refused(int bits) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeySlotTable(bits, _ => { }));

    [Fact]
    public void A_freed_slot_is_the_next_to_be_given_out_if_it_is_the_lowest()
    {
        KeySlotTable table = new(8, _ => { });
        List<KeyId> all = [.. Enumerable.Range(0, 200).Select(_ => Reserve(table))];
        foreach (int index in new[] { 150, 3, 70 })
        {
            table.DropKey(all[index]);
            table.Free(all[index]);
        }

        Assert.Equal([4, 71, 151, 201], Enumerable.Range(0, 4).Select(_ => (int)Reserve(table).Value));
    }

    [Fact]
    public void A_slot_is_released_once_by_whatever_reference_is_the_last()
    {
        List<int> released = [];
        KeySlotTable table = new(4, keyId => released.Add(keyId.Value));
        KeyId keyId = Reserve(table);
        Assert.Equal(KeySlotState.Assigned, table.GetState(keyId));
        table.AddVma(keyId);
        table.AddPages(keyId, 512);
        KeySlotReferences references = table.GetReferences(keyId);
        Assert.True(references.IsHeldByKey);
        Assert.Equal((1, 512L, 514L), (references.VmaCount, references.PageCount, references.Total));

        table.DropKey(keyId);
        Assert.Equal(KeySlotState.Killed, table.GetState(keyId));
        table.AddVma(keyId); // a fork
        table.DropVma(keyId);
        table.DropVma(keyId);
        table.DropPages(keyId, 511);
        Assert.Equal(KeySlotState.Killed, table.GetState(keyId));
        Assert.Empty(released);
        table.DropPages(keyId);
        Assert.Equal(KeySlotState.Released, table.GetState(keyId));
        Assert.Equal([keyId.Value], released);
        table.Free(keyId);
        Assert.Equal(KeySlotState.Available, table.GetState(keyId));
    }

    [Fact]
    public void KeyId_0_is_not_counted()
    {
        KeySlotTable table = new(1, _ => Assert.Fail("KeyID 0 was released."));
        table.AddVma(default);
        table.AddPages(default, 3);
        table.DropVma(default);
        table.DropPages(default, 3);
        Assert.Equal(1, table.AvailableCount);
    }

    [Fact]
    public void Full_counters_do_not_spill_into_each_other()
    {
        KeySlotTable table = new(1, _ => { });
        KeyId keyId = Reserve(table);
        table.AddPages(keyId, (1L << 38) - 1);
        for (int i = 0; i < 1000; i++)
        {
            table.AddVma(keyId);
        }

        KeySlotReferences references = table.GetReferences(keyId);
        Assert.Equal((true, 1000, (1L << 38) - 1), (references.IsHeldByKey, references.VmaCount, references.PageCount));
    }

    [Fact]
    public void Threads_that_add_and_drop_at_once_release_exactly_once()
    {
        int released = 0;
        KeySlotTable table = new(2, _ => Interlocked.Increment(ref released));
        KeyId keyId = Reserve(table);
        const int Threads = 4;
        for (int i = 0; i < Threads; i++)
        {
            table.AddVma(keyId);
        }

        table.DropKey(keyId);
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, _ =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                table.AddPages(keyId, 3);
                table.AddVma(keyId);
                table.DropPages(keyId, 2);
                table.DropVma(keyId);
                table.DropPages(keyId);
            }

            table.DropVma(keyId);
        });
        Assert.Equal(1, released);
        Assert.Equal(0, table.GetReferences(keyId).Total);
    }

    private static KeyId Reserve(KeySlotTable table)
    {
        Assert.True(table.TryReserve(out KeyId keyId));
        return keyId;
    }
}
