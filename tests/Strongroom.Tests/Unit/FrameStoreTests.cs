using System;
using System.Collections.Generic;
using System.Linq;
using Strongroom.Core;
using Strongroom.Crypto;
using Strongroom.Kernel;
using Strongroom.Pager;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Unit;

/// <summary>Ciphertext frames, the memory under them, and when that memory may be huge pages.</summary>
public class FrameStoreTests
{
    [Fact]
    public void Gives_back_every_page_as_it_was_sealed()
    {
        Random random = new(TestSeed.Choose());
        using FramePool pool = new(patienceTicks: 2);
        using XtsKey firstKey = XtsKey.Generate(MemoryAlgorithm.AesXts256);
        using XtsKey secondKey = XtsKey.Generate(MemoryAlgorithm.AesXts128);
        using FrameStore first = new(firstKey, pool);
        using FrameStore second = new(secondKey, pool);
        (FrameStore Store, Dictionary<int, (byte[] Page, int References)> Frames)[] stores = [(first, []), (second, [])];
        byte[] page = new byte[PageNumber.SizeBytes];
        int most = 3 << FramePool.BlockShift;
        for (int step = 0; step < 20_000; step++)
        {
            (FrameStore store, Dictionary<int, (byte[] Page, int References)> frames) = stores[random.Next(2)];
            int wanted = (step / 2500 % 2 == 0) ? most : 3; // grows over several blocks, and shrinks until blocks are given back
            if (frames.Count < wanted && random.Next(4) != 0)
            {
                random.NextBytes(page);
                frames.Add(store.Seal(page), ([.. page], 1));
            }
            else if (frames.Count > 0)
            {
                int frame = frames.Keys.ElementAt(random.Next(Math.Min(frames.Count, 8)));
                (byte[] expected, int references) = frames[frame];
                store.Prefetch(frame);
                store.Open(frame, page);
                Assert.Equal(expected, page);
                frames[frame] = (expected, references + 1);
                if (random.Next(3) == 0)
                {
                    store.AddReference(frame);
                    continue;
                }

                store.Release(frame);
                frames[frame] = (expected, references - 1);
                if (references == 1)
                {
                    _ = frames.Remove(frame);
                }
            }

            if (step % 100 == 0)
            {
                pool.Trim();
            }

            Assert.Equal(frames.Count, store.UsedFrames);
        }
    }

    [Fact]
    public void Blocks_are_apart_zero_at_first_and_gone_when_unmapped()
    {
        Random random = new(TestSeed.Choose());
        using PageBlocks blocks = new();
        Dictionary<int, byte> marks = [];
        HashSet<int> gone = [];
        for (int step = 1; step < 400; step++)
        {
            if (marks.Count > 0 && random.Next(3) == 0)
            {
                int old = marks.Keys.First();
                blocks.Unmap(old);
                _ = marks.Remove(old);
                _ = gone.Add(old);
            }
            else
            {
                byte mark = (byte)(step % 251);
                int block = blocks.Map();
                blocks.Advise(block, isHuge: random.Next(2) == 0);
                if (random.Next(2) == 0)
                {
                    blocks.PopulateFirst(block);
                }

                blocks.Prepare(block, 500);
                Assert.Equal(-1, blocks.Page(block, 0).IndexOfAnyExcept((byte)0));
                Assert.Equal(-1, blocks.Page(block, PageBlocks.PageCount - 1).IndexOfAnyExcept((byte)0));
                blocks.Page(block, 0).Fill(mark);
                blocks.Page(block, PageBlocks.PageCount - 1).Fill(mark);
                Assert.True(marks.TryAdd(block, mark), $"block {block} was given twice");
                _ = gone.Remove(block);
            }

            foreach ((int block, byte mark) in marks)
            {
                Assert.Equal(-1, blocks.Page(block, 0).IndexOfAnyExcept(mark));
                Assert.Equal(-1, blocks.Page(block, PageBlocks.PageCount - 1).IndexOfAnyExcept(mark));
            }

            foreach (int block in gone)
            {
                _ = Assert.Throws<ArgumentOutOfRangeException>(() => blocks.Page(block, 0).Length);
            }
        }

        int any = blocks.Map();
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => blocks.Page(any, PageBlocks.PageCount).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => blocks.Page(any, -1).Length);
    }

    [Fact]
    public void After_a_slow_huge_page_fifteen_blocks_are_of_small_ones()
    {
        HugePageTrial trial = new();
        Assert.True(trial.IsDue());
        trial.Note(TimeSpan.FromMilliseconds(0.3));
        Assert.True(trial.IsDue());
        trial.Note(TimeSpan.FromMilliseconds(3));
        Assert.Equal(15, Enumerable.Range(0, 100).TakeWhile(_ => !trial.IsDue()).Count());
        trial.Note(TimeSpan.FromMilliseconds(0.3));
        Assert.True(trial.IsDue());
    }
}
