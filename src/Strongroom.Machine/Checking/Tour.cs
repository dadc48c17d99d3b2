using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Secrets;

namespace Strongroom.Machine.Checking;

/// <summary>
/// One page's life, told step by step for a newcomer: what the program does, and what it looks like underneath.
/// </summary>
internal sealed class Tour : IDisposable
{
    private const ulong Value = 0x2174_6572_6365_7320; // " secret!" in memory order

    private readonly ModelKernel _kernel;
    private readonly Process _process;
    private readonly Action<string> _print;

    /// <summary>Boots a machine.</summary>
    /// <param name="policy">The flush policy.</param>
    /// <param name="print">Receives one line at a time.</param>
    /// <param name="config">The machine; null for the default one.</param>
    /// <exception cref="InvalidDataException">The machine has nothing to show: one CPU, no values or no KeyIDs.</exception>
    internal Tour(PolicyKind policy, Action<string> print, MachineConfig? config = null)
    {
        _print = print;
        config ??= new MachineConfig();
        if (config.Packages * config.CpusPerPackage < 2 || !config.Values || !config.Coherence || !config.HasHmat || config.MaxKeyIdBits == 0)
        {
            throw new InvalidDataException("The tour needs a machine with two CPUs, KeyIDs, an HMAT table, coherence and values.");
        }

        _kernel = ModelKernel.Boot(config, new KernelOptions { Policy = policy });
        _process = _kernel.StartProcess();
    }

    /// <inheritdoc/>
    public void Dispose() => _kernel.Dispose();

    /// <summary>Tells the story.</summary>
    internal void Run()
    {
        PhysicalLayout layout = _kernel.Layout;
        Say($"A machine with {_kernel.Platform.CpuCount} CPUs, {layout.KeyIdCount} KeyIDs beside KeyID 0 in address bits " +
            $"{layout.PhysicalAddressBits - 1}:{layout.KeyIdShift}, flush policy {_kernel.Allocator.Policy.Name}.");
        Step("mmap: a VMA, no page yet");
        _ = _process.MapAnonymous(4096, Protection.None, out ulong at); // an empty address space has room
        ShowPage(at);

        Step("add_key \"mktme\", type=cpu: the lowest free slot, programmed by PCONFIG in every package");
        KeySerial serial = AddKey();
        KeyId keyId = _kernel.Keys.FindKeyId(serial);
        Say($"key {serial} has KeyID {keyId}");

        Step("encrypt_mprotect: the VMA carries the KeyID, and holds a reference to the slot");
        Check(_process.EncryptMprotect(at, 4096, Protection.ReadWrite, serial));
        ShowPage(at);

        Step("a read: the shared zero page, with the KeyID stripped from its entry");
        _ = _process.Read(0, at, out _); // zero, shown below
        ShowPage(at);

        Step("a write by CPU 0: a fault, a page for this KeyID (flushed under KeyID 0, zeroed under its own), then the store");
        _ = _process.Write(0, at, Value); // mapped writable, so it succeeds
        ShowPage(at);

        Step("CPU 1 reads it: coherent, because the KeyID is the same");
        _ = _process.Read(1, at, out ulong read); // mapped
        Say($"CPU 1 reads {Bytes(BitConverter.GetBytes(read))}");
        ShowPage(at);

        Step("the line is flushed: memory now holds its ciphertext");
        int frame = Frame(at);
        _kernel.Platform.FlushLines(layout.WithKeyId((ulong)frame << 12, keyId), 64);
        ShowPage(at);

        Step("the kernel reads the same frame through the wrong direct map, KeyID 0: another line, and noise");
        Span<byte> wrong = stackalloc byte[16];
        _kernel.Platform.Load(0, _kernel.TranslateKernel(0, _kernel.DirectMap.ToVirtual(frame, 0)), wrong);
        Say($"at 0x{_kernel.DirectMap.ToVirtual(frame, 0):x}: {Bytes(wrong)}");
        _kernel.Platform.Load(0, _kernel.TranslateKernel(0, _kernel.PageToVirtual(frame)), wrong);
        Say($"at 0x{_kernel.PageToVirtual(frame):x}: {Bytes(wrong)}, through its own map");

        Step("the key is invalidated: no new use, but this mapping goes on, and the slot is held");
        _ = _kernel.Keys.Invalidate(_process.Caller, serial); // the caller owns it
        _ = _kernel.Keys.CollectGarbage(); // when the next key expires does not matter
        ShowSlot(keyId);

        Step("munmap: the page is flushed under its KeyID if the policy says so, freed, and the slot is cleared");
        _ = _process.UnmapRange(at, 4096); // mapped
        ShowFrame(frame);
        ShowSlot(keyId);

        Step("the frame's next user: the kernel, under KeyID 0");
        int next = _kernel.Allocator.Allocate(0, Gfp.Zero, 0, 0, 0);
        Say(next == frame ? $"the allocator hands out frame 0x{next:x} again" : $"the allocator hands out frame 0x{next:x}");
        ShowFrame(next);
        FlushCounts counts = _kernel.Allocator.Policy.Counts;
        Say($"flushes: {counts.OnAllocate} pages on allocation, {counts.OnFree} on free, {counts.Elided} left out");
    }

    private static string Bytes(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        foreach (byte one in bytes)
        {
            _ = text.Append(one.ToString("x2", CultureInfo.InvariantCulture)).Append(' ');
        }

        return text.ToString().TrimEnd();
    }

    private static void Check(Errno errno)
    {
        if (errno != Errno.None)
        {
            throw new InvalidOperationException($"A step of the tour fails with {errno}.");
        }
    }

    private KeySerial AddKey()
    {
        using SecretBuffer fields = SecretBuffer.Allocate(KeyFields.LengthBytes);
        Check(_kernel.Keys.Add(
            _process.Caller, "tour", "type=cpu algorithm=aes-xts-128"u8, KeySerial.ProcessKeyring, fields.Span, out KeySerial serial));
        return serial;
    }

    private int Frame(ulong at)
    {
        _ = _process.Table.TryWalk(at, out ulong pte, out _); // the caller has just used it
        return Pte.Frame(_kernel.Layout, pte);
    }

    private void Step(string what) => _print(Environment.NewLine + what);

    private void Say(FormattableString text) => Say(text.ToString(CultureInfo.InvariantCulture));

    private void Say(string text) => _print("    " + text);

    private void ShowPage(ulong at)
    {
        if (_process.Space.Find(new VirtualAddress(at)) is { } vma)
        {
            Say($"VMA   0x{vma.Start.Value:x}-0x{vma.End.Value:x} {vma.Protection}, KeyID {vma.KeyId}");
        }

        if (!_process.Table.TryWalk(at, out ulong pte, out _))
        {
            Say("PTE   none");
            return;
        }

        int frame = Pte.Frame(_kernel.Layout, pte);
        string zero = frame == _kernel.ZeroFrame ? ", the shared zero page" : string.Empty;
        Say($"PTE   0x{pte:x16}: KeyID {_kernel.Layout.KeyIdOf(pte)}, frame 0x{frame:x}{zero}");
        ShowFrame(frame);
    }

    private void ShowFrame(int frame)
    {
        Say($"page  frame 0x{frame:x} is {_kernel.Pages.State[frame]}, page_ext KeyID {_kernel.Pages.KeyId[frame]}");
        foreach (string line in Lines(frame))
        {
            Say(line);
        }

        Span<byte> stored = stackalloc byte[16];
        new AttackerView(_kernel.Platform).Dump((ulong)frame << 12, stored);
        Say($"DRAM  {Bytes(stored)} ...");
    }

    private List<string> Lines(int frame)
    {
        List<string> lines = [];
        for (int keyId = 0; keyId <= _kernel.Layout.KeyIdCount; keyId++)
        {
            ulong bus = _kernel.Layout.WithKeyId((ulong)frame << 12, new KeyId((ushort)keyId));
            for (int cpu = 0; cpu < _kernel.Platform.CpuCount; cpu++)
            {
                string states = _kernel.Platform.Caches.Describe(cpu, bus >> 6);
                if (states != "III")
                {
                    lines.Add($"line  tag 0x{bus:x}, CPU {cpu}: L1 {states[0]}, L2 {states[1]}, LLC {states[2]}");
                }
            }
        }

        return lines.Count == 0 ? ["line  in no cache"] : lines;
    }

    private void ShowSlot(KeyId keyId)
    {
        KeySlotReferences references = _kernel.Keys.Slots.GetReferences(keyId);
        Say($"slot  {_kernel.Keys.Slots.GetState(keyId)}: key {(references.IsHeldByKey ? 1 : 0)}, " +
            $"VMAs {references.VmaCount}, pages {references.PageCount} references");
    }
}
