using System;
using System.Buffers.Binary;
using Strongroom.Core;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;

namespace Strongroom.Machine.Checking;

/// <content>Steps of the kernel, of devices and of the hardware itself.</content>
internal sealed partial class Fuzzer
{
    private string? KernelPageStep()
    {
        int cpu = AnyCpu();
        Log(FuzzStep.KernelPage, (ulong)_kernelPages.Count);
        if (_kernelPages.Count < 24 && _random.Next(3) == 0)
        {
            return _keys.Count > 0 && _random.Next(8) == 0 ? ChurnBlock(cpu) : AllocateKernelPage(cpu);
        }

        if (_kernelPages.Count == 0)
        {
            return null;
        }

        FlatKernelPage chosen = _kernelPages[_random.Next(_kernelPages.Count)];
        switch (_random.Next(4))
        {
            case 0:
                _ = _kernelPages.Remove(chosen); // it is there
                _kernel.Allocator.Free(cpu, chosen.Frame);
                return null;
            case 1:
                StoreKernelWord(cpu, chosen, _random.Next(Words), (ulong)_random.NextInt64());
                return null;
            default:
                int word = _random.Next(Words);
                ulong address = KernelAddress(chosen, word);
                ulong value = _kernel.Platform.Load(cpu, _kernel.TranslateKernel(cpu, address));
                return Compare("I2: the kernel reads", address, chosen.Values[word], value);
        }
    }

    // A block is split, one half is used under another KeyID, both merge again and are used as one: the halves have
    // different pasts.
    private string? ChurnBlock(int cpu)
    {
        ushort one = _keys[_random.Next(_keys.Count)].KeyId.Value;
        ushort other = _keys[_random.Next(_keys.Count)].KeyId.Value;
        int block = _kernel.Allocator.Allocate(cpu, Gfp.Zero, one, 1, 0);
        if (block < 0)
        {
            return "the kernel gets no block";
        }

        _kernel.Allocator.SplitUsed(block);
        _kernel.Allocator.Free(cpu, block);
        _kernel.Allocator.Free(cpu, block + 1);
        int half = _kernel.Allocator.Allocate(cpu, Gfp.Zero, other, 0, 0);
        _kernel.Allocator.Free(cpu, half);
        _kernel.Allocator.DrainAll();
        block = _kernel.Allocator.Allocate(cpu, Gfp.Zero, one, 1, 0);
        string? broken = _kernel.FindBrokenLine();
        _kernel.Allocator.Free(cpu, block);
        return broken;
    }

    // Mostly pages of the kernel's own; sometimes a block under a KeyID, as a future user of keyed kernel memory
    // would have.
    private string? AllocateKernelPage(int cpu)
    {
        ushort keyId = _keys.Count > 0 && _random.Next(2) == 0 ? _keys[_random.Next(_keys.Count)].KeyId.Value : (ushort)0;
        int order = _random.Next(4);
        bool zero = _random.Next(2) == 0;
        int frame = _kernel.Allocator.Allocate(cpu, zero ? Gfp.Zero : Gfp.Kernel, keyId, order, _random.Next(2));
        if (frame < 0)
        {
            return "the kernel gets no page";
        }

        FlatKernelPage page = new(frame, order, new ulong[Words]);
        for (int word = 0; word < Words && !zero; word++)
        {
            StoreKernelWord(cpu, page, word, (ulong)_random.NextInt64());
        }

        _kernelPages.Add(page);
        return order == 0 ? null : _kernel.FindBrokenLine();
    }

    private ulong KernelAddress(FlatKernelPage page, int word) =>
        _kernel.PageToVirtual(page.Frame + (word & ((1 << page.Order) - 1))) + ((ulong)word * 512);

    private void StoreKernelWord(int cpu, FlatKernelPage page, int word, ulong value)
    {
        _kernel.Platform.Store(cpu, _kernel.TranslateKernel(cpu, KernelAddress(page, word)), value);
        page.Values[word] = value;
    }

    private string? DeviceStep(FlatProcess process)
    {
        Log(FuzzStep.Device, process.Real.Number);
        int cpu = AnyCpu();
        if (_pins.Count > 0 && _random.Next(3) != 0)
        {
            FlatPin pin = _pins[_random.Next(_pins.Count)];
            int word = _random.Next(Words);
            Span<byte> bytes = stackalloc byte[8];

            // While the page is where the program sees it, both see the same words; afterwards only the device does.
            if (_random.Next(2) == 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)_random.NextInt64());
                _device.Write(pin.Entry, word * 512, bytes);
                pin.Values[word] = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
                return null;
            }

            _device.Read(pin.Entry, word * 512, bytes);
            string? wrong = Compare("I2: a device reads", pin.Page, pin.Values[word], BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            if (_random.Next(3) == 0)
            {
                _ = _pins.Remove(pin); // it is there
                _kernel.Unpin(cpu, pin.Frame);
            }

            return wrong;
        }

        if (_pins.Count >= 6 || !process.TryPick(_random, out ulong page))
        {
            return null;
        }

        FlatPage flat = process.Pages[page];
        if (_kernel.Pin(process.Real, cpu, page, forWriting: true, out int frame) != Errno.None)
        {
            return Expect(true, (flat.Protection & Protection.Write) == 0);
        }

        _pins.Add(new FlatPin(frame, _device.Map(frame), flat.Values, process, page));
        return null;
    }

    /// <summary>
    /// Ends the common view of a pinned page: the device keeps the frame, the program gets another page or none.
    /// </summary>
    private void Detach(FlatPage flat)
    {
        ulong[] left = (ulong[])flat.Values.Clone(); // one for all pins: they pin the same frame
        for (int i = 0; i < _pins.Count; i++)
        {
            if (ReferenceEquals(_pins[i].Values, flat.Values))
            {
                _pins[i] = _pins[i] with { Values = left };
            }
        }
    }

    private string? Speculate()
    {
        int frame = _random.Next(_kernel.Pages.Count);
        ulong address = (ulong)frame << 12;
        if (!_kernel.Platform.Dram.IsPresent(address))
        {
            return null;
        }

        ushort keyId = (ushort)_random.Next(_kernel.Layout.KeyIdCount + 1);
        ulong bus = _kernel.Layout.WithKeyId(address, new KeyId(keyId)) + ((ulong)_random.Next(Words) * 512);
        Log(FuzzStep.Speculate, bus);
        _ = _kernel.Platform.Load(AnyCpu(), bus); // speculation has no architectural result
        ulong kernelAddress = _kernel.DirectMap.ToVirtual(frame, keyId);
        return Compare("I7: __pa gives", kernelAddress, address, _kernel.DirectMap.ToPhysical(kernelAddress))
            ?? Expect(keyId, _kernel.DirectMap.KeyIdOf(kernelAddress));
    }

    private string? MachineStep()
    {
        int frame = _random.Next(_kernel.Pages.Count);
        ulong bus = _kernel.Layout.WithKeyId((ulong)frame << 12, new KeyId((ushort)_random.Next(_kernel.Layout.KeyIdCount + 1)));
        ulong line = (bus >> 6) + ((ulong)_random.Next(Words) * 8);
        Log(FuzzStep.Machine, bus);
        switch (_random.Next(13))
        {
            case 12:
                ChangeDirectMap(frame);
                break;
            case 0:
                _kernel.Platform.WriteBackAndInvalidate(AnyCpu());
                break;
            case 1:
                _kernel.Platform.WriteBack(AnyCpu());
                break;
            case < 5:
                _kernel.Platform.Caches.EvictPrivate(AnyCpu(), line);
                break;
            case < 8:
                _kernel.Platform.Caches.EvictShared(_random.Next(s_machine.Packages), line);
                break;
            default:
                _kernel.Platform.FlushLines(bus, (int)PageBytes);
                break;
        }

        return null;
    }

    // set_memory_ro of one page of the direct map, and back: large pages around it are split and joined.
    private void ChangeDirectMap(int frame)
    {
        if (_random.Next(2) == 0)
        {
            _kernel.DirectMap.Change(frame, 1, set: 0, clear: Pte.Writable);
            return;
        }

        _kernel.DirectMap.Change(frame, 1, set: Pte.Writable, clear: 0);
        _kernel.DirectMap.Join(frame, 1);
    }
}
