using System;
using System.Linq;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Secrets;
using Strongroom.Tests.Unit.Keys;
using Xunit;

namespace Strongroom.Tests.Unit.Memory;

/// <summary>The key service of a modelled machine, and short ways to call it.</summary>
internal sealed class MachineKeys(ModelKernel kernel)
{
    internal KeyService Service => kernel.Keys;

    internal KeySlotTable Slots => kernel.Keys.Slots;

    internal KeySerial Add(string description = "k", string payload = KeyBench.CpuPayload)
    {
        using SecretBuffer fields = SecretBuffer.Allocate(KeyFields.LengthBytes);
        Assert.Equal(Errno.None, Service.Add(
            KeyBench.Root, description, Encoding.Latin1.GetBytes(payload), KeySerial.SessionKeyring, fields.Span, out KeySerial serial));
        return serial;
    }

    /// <summary>Checks that no key is left, in the service or in a package.</summary>
    internal void CheckNothingIsLeft()
    {
        _ = Service.CollectGarbage();
        Assert.Equal(Slots.SlotCount, Slots.AvailableCount);
        Assert.Empty(Service.List());
        for (ushort keyId = 1; keyId <= Slots.SlotCount; keyId++)
        {
            Assert.False(kernel.Platform.IsProgrammed(0, keyId));
        }
    }
}

/// <summary>Pages of a process on a modelled machine as its program, or ptrace(2), sees them.</summary>
internal sealed class MachinePages(ModelKernel kernel, Process process)
{
    internal Process Process => process;

    /// <summary>Writes a page: as the program does if it may, else as ptrace does.</summary>
    internal void Write(ulong page, ulong value)
    {
        VirtualAddress address = MemoryBench.At(page);
        Vma vma = process.Space.Find(address)!;
        if ((vma.Protection & Protection.Write) != 0)
        {
            Assert.Equal(AccessResult.Done, process.Write(0, address.Value, value));
            return;
        }

        Assert.False(TryPeek(page, out _, out _), "A page that is there is not written behind its protection.");
        int frame = process.AllocateFor(0, vma, Gfp.User | Gfp.Zero);
        process.MapPage(vma, address.Value, frame, writable: false);
        kernel.Platform.Store(0, kernel.TranslateKernel(0, kernel.PageToVirtual(frame)), value);
    }

    internal ulong Read(ulong page) => TryPeek(page, out _, out ulong value) ? value : 0;

    /// <summary>Looks at a page as the kernel does, whatever its protection; false where no page is.</summary>
    internal bool TryPeek(ulong page, out KeyId keyId, out ulong value)
    {
        keyId = default;
        value = 0;
        if (!process.Table.TryWalk(MemoryBench.At(page).Value, out ulong pte, out _) || Pte.Frame(kernel.Layout, pte) == kernel.ZeroFrame)
        {
            return false;
        }

        keyId = kernel.Layout.KeyIdOf(pte);
        value = kernel.Platform.Load(1, kernel.TranslateKernel(1, kernel.PageToVirtual(Pte.Frame(kernel.Layout, pte))));
        return true;
    }
}

/// <summary>A process on a modelled machine, addressed in pages. In the end all rules of the machine hold.</summary>
internal sealed class MemoryBench : IDisposable
{
    private static readonly MachineConfig s_config = new()
    {
        MemoryPerPackageBytes = 8 << 20,
        MaxKeyIdBits = 4,
        MaxKeys = 15,
        L1 = new(4 << 10, 4),
        L2 = new(16 << 10, 4),
        Llc = new(64 << 10, 8),
    };

    internal MemoryBench(KeyApiVersion api = KeyApiVersion.Union, int maxVmaCount = 1000)
    {
        Kernel = ModelKernel.Boot(s_config, new() { Api = api, MaxVmaCount = maxVmaCount, GarbageDelay = TimeSpan.FromMinutes(5) });
        Keys = new(Kernel);
        Machine = new(Kernel, Kernel.StartProcess());
    }

    internal ModelKernel Kernel { get; }

    internal MachineKeys Keys { get; }

    internal MachinePages Machine { get; }

    internal AddressSpace Space => Machine.Process.Space;

    public void Dispose()
    {
        Assert.Null(Kernel.FindBrokenRule());
        Kernel.Dispose();
    }

    internal MachinePages Fork() => new(Kernel, Machine.Process.Fork());

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
