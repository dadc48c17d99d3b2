using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Checking;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Tests.Harness;
using Xunit;

namespace Strongroom.Tests.Model;

/// <summary>The explored model of VMAs and the whole machine take the same steps and end in the same states.</summary>
public class VmaModelTests
{
    private const int Steps = 20_000;
    private const ulong First = 0x10_0000;

    [Theory]
    [InlineData(3, 1)]
    [InlineData(2, 2)]
    public void The_machine_does_what_the_model_does(int pages, int processes)
    {
        Random random = new(TestSeed.Choose());
        VmaModel model = new(new(pages, processes));
        using KernelFixture f = new();
        Machine machine = new(f, pages, processes);
        ulong[] next = new ulong[ExploredModel.MostSteps];
        Step[] steps = new Step[ExploredModel.MostSteps];
        HashSet<VmaStep> taken = [];
        ulong state = model.Initial;
        for (int number = 0; number < Steps; number++)
        {
            int found = model.Successors(state, next, steps);
            int at = random.Next(found);
            Step step = steps[at];
            if (!machine.TryTake(step))
            {
                continue;
            }

            _ = taken.Add((VmaStep)step.Kind);
            string expected = model.Describe(model.WithFramesInOrder(next[at]));
            string actual = machine.Describe();
            Assert.True(expected == actual, $"Step {number}, {model.Describe(step)}, from\n{model.Describe(state)}\nmodel   {expected}\nmachine {actual}");
            state = next[at];
        }

        Assert.Equal(Enum.GetValues<VmaStep>().Length - (processes == 1 ? 1 : 0), taken.Count);
        machine.End();
    }

    /// <summary>The same pages and KeyIDs on a booted kernel; every page that is written gets the same contents.</summary>
    private sealed class Machine(KernelFixture fixture, int pages, int processes)
    {
        private readonly ModelKernel _kernel = fixture.Kernel;
        private readonly Process[] _processes = [fixture.Process, .. Enumerable.Range(1, processes - 1).Select(_ => fixture.Kernel.StartProcess())];
        private readonly KeySerial[] _keys = new KeySerial[3];

        internal bool TryTake(Step step)
        {
            Process process = _processes[(VmaStep)step.Kind is VmaStep.Merge or VmaStep.CreateKey or VmaStep.DestroyKey ? 0 : step.A];
            VirtualAddress page = new(First + (step.B * 4096ul));
            Protection protection = (step.C & 1) != 0 ? Protection.ReadWrite : Protection.Read;
            switch ((VmaStep)step.Kind)
            {
                case VmaStep.Map:
                    Assert.Equal(Errno.None, process.Space.Map(new(4096, new(protection), page, MapPlacement.Fixed), out _));
                    return Done(process.Space.Advise(page, 4096, Advice.Mergeable));
                case VmaStep.Unmap:
                    return Done(process.Space.Unmap(page, 4096));
                case VmaStep.Protect:
                    return Done(process.Space.Protect(page, 4096, protection));
                case VmaStep.Encrypt:
                    return Done(process.EncryptMprotect(page.Value, 4096, protection, _keys[step.C >> 1]));
                case VmaStep.Move:
                    return Done(process.Space.Remap(
                        page, 4096, 4096, RemapOptions.MayMove | RemapOptions.Fixed, new(First + (step.C * 4096ul)), out _));
                case VmaStep.Read:
                    return Done(process.Read(0, page.Value, out _));
                case VmaStep.Write:
                    return Done(process.Write(1, page.Value, 42));
                case VmaStep.Fork:
                    _processes[1 - step.A].Exec();
                    _processes[1 - step.A] = process.Fork();
                    return true;
                case VmaStep.Merge:
                    return TryMerge();
                case VmaStep.CreateKey:
                    return TryCreate(step.A);
                default:
                    fixture.Invalidate(_keys[step.A]);
                    return true;
            }
        }

        internal void End()
        {
            foreach (Process process in _processes)
            {
                process.Space.UnmapAll();
            }
        }

        /// <summary>Renders what is there as <see cref="VmaModel"/> renders its states.</summary>
        internal string Describe()
        {
            StringBuilder text = new();
            List<int> frames = Frames();
            for (int p = 0; p < processes; p++)
            {
                _ = text.Append($"process {p}:");
                for (int i = 0; i < pages; i++)
                {
                    _ = text.Append(DescribePage(_processes[p], i, frames));
                }

                _ = text.Append(' ');
            }

            for (int f = 0; f < frames.Count; f++)
            {
                bool isMerged = (_kernel.Pages.Flags[frames[f]] & PageFlags.Ksm) != 0;
                _ = text.Append($"frame {f}: page_ext {_kernel.Pages.KeyId[frames[f]]}{(isMerged ? " merged" : "")}; ");
            }

            for (ushort k = 1; k < 3; k++)
            {
                string life = _kernel.Keys.Slots.GetState(new(k)) switch
                {
                    KeySlotState.Available => "free",
                    KeySlotState.Assigned => "live",
                    _ => "destroyed",
                };
                _ = text.Append($"KeyID {k}: {life}, {_kernel.Keys.Slots.GetReferences(new(k)).VmaCount} references. ");
            }

            return text.ToString().TrimEnd();
        }

        private static bool Done<T>(T result)
        {
            Assert.True(result is Errno.None or AccessResult.Done, $"{result}");
            return true;
        }

        private string DescribePage(Process process, int i, List<int> frames)
        {
            VirtualAddress page = new(First + ((ulong)i * 4096));
            if (process.Space.Find(page) is not { } vma)
            {
                return " -;";
            }

            string entry = !process.Table.TryWalk(page.Value, out ulong pte, out _) ? "empty"
                : Pte.Frame(_kernel.Layout, pte) == _kernel.ZeroFrame ? $"zero page KeyID {_kernel.Layout.KeyIdOf(pte)}"
                : $"frame {frames.IndexOf(Pte.Frame(_kernel.Layout, pte))} KeyID {_kernel.Layout.KeyIdOf(pte)}{((pte & Pte.Writable) != 0 ? " writable" : "")}";
            bool isJoined = vma.Start != page;
            return $" {(isJoined ? "+" : "")}KeyID {vma.KeyId} {((vma.Protection & Protection.Write) != 0 ? "rw" : "r-")} {entry};";
        }

        /// <summary>The frames that entries name, in that order.</summary>
        private List<int> Frames()
        {
            List<int> frames = [];
            for (int at = 0; at < processes * pages; at++)
            {
                ulong page = First + ((ulong)(at % pages) * 4096);
                if (_processes[at / pages].Table.TryWalk(page, out ulong pte, out _))
                {
                    int frame = Pte.Frame(_kernel.Layout, pte);
                    if (frame != _kernel.ZeroFrame && !frames.Contains(frame))
                    {
                        frames.Add(frame);
                    }
                }
            }

            return frames;
        }

        // Frames have other numbers here; which two are meant is known when there are no others.
        private bool TryMerge()
        {
            List<int> frames = Frames();
            return frames.Count == 2 && Done(_kernel.TryMerge(0, frames[0], frames[1]) ? Errno.None : Errno.EINVAL);
        }

        private bool TryCreate(int k)
        {
            bool isNext = Enumerable.Range(1, k - 1).All(n => _kernel.Keys.Slots.GetState(new((ushort)n)) != KeySlotState.Available);
            if (isNext)
            {
                _keys[k] = fixture.AddKey();
                Assert.Equal(k, _kernel.Keys.FindKeyId(_keys[k]).Value);
            }

            return isNext;
        }
    }
}
