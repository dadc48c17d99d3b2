using System;
using System.Text;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Machine.Hardware;
using Strongroom.Machine.Mm;
using Strongroom.Memory;
using Strongroom.Secrets;
using Xunit;

namespace Strongroom.Tests.Model;

/// <summary>A small machine with a booted kernel, and the few calls that most tests make.</summary>
internal sealed class KernelFixture : IDisposable
{
    internal static MachineConfig Config { get; } = new()
    {
        Packages = 2,
        CpusPerPackage = 2,
        MemoryPerPackageBytes = 16 << 20,
        HotplugPerPackageBytes = 4 << 20,
        SectionBytes = 4 << 20,
        MaxKeyIdBits = 3,
        MaxKeys = 7,
        PhysicalAddressBits = 46,
        L1 = new(4 << 10, 4),
        L2 = new(16 << 10, 4),
        Llc = new(256 << 10, 8),
    };

    internal KernelFixture(KernelOptions? options = null, MachineConfig? config = null)
    {
        Kernel = ModelKernel.Boot(config ?? Config, options ?? new KernelOptions());
        Process = Kernel.StartProcess();
    }

    internal ModelKernel Kernel { get; }

    internal Process Process { get; }

    public void Dispose()
    {
        Assert.Null(Kernel.FindBrokenRule());
        Kernel.Dispose();
    }

    internal Errno TryAddKey(string payload, out KeySerial serial)
    {
        using SecretBuffer fields = SecretBuffer.Allocate(KeyFields.LengthBytes);
        return Kernel.Keys.Add(
            Process.Caller, "key" + Guid.NewGuid(), Encoding.ASCII.GetBytes(payload), KeySerial.ProcessKeyring, fields.Span, out serial);
    }

    internal KeySerial AddKey(string payload = "type=cpu algorithm=aes-xts-128")
    {
        Assert.Equal(Errno.None, TryAddKey(payload, out KeySerial serial));
        return serial;
    }

    internal void Invalidate(KeySerial serial)
    {
        Assert.Equal(Errno.None, Kernel.Keys.Invalidate(Process.Caller, serial));
        _ = Kernel.Keys.CollectGarbage();
    }

    internal ulong Map(int pages, Protection protection = Protection.ReadWrite)
    {
        Assert.Equal(Errno.None, Process.MapAnonymous((ulong)pages * 4096, protection, out ulong address));
        return address;
    }

    internal ulong MapEncrypted(int pages, KeySerial serial)
    {
        ulong address = Map(pages, Protection.None);
        Assert.Equal(Errno.None, Process.EncryptMprotect(address, (ulong)pages * 4096, Protection.ReadWrite, serial));
        return address;
    }

    internal void Write(ulong address, ulong value, Process? process = null, int cpu = 0) =>
        Assert.Equal(AccessResult.Done, (process ?? Process).Write(cpu, address, value));

    internal ulong Read(ulong address, Process? process = null, int cpu = 1)
    {
        Assert.Equal(AccessResult.Done, (process ?? Process).Read(cpu, address, out ulong value));
        return value;
    }

    internal int FrameOf(ulong address, Process? process = null)
    {
        Assert.True((process ?? Process).Table.TryWalk(address, out ulong pte, out _));
        return Pte.Frame(Kernel.Layout, pte);
    }

    internal ushort PteKeyId(ulong address, Process? process = null)
    {
        Assert.True((process ?? Process).Table.TryWalk(address, out ulong pte, out _));
        return Kernel.Layout.KeyIdOf(pte).Value;
    }

    internal void Advise(ulong address, ulong lengthBytes, Advice advice) =>
        Assert.Equal(Errno.None, Process.Space.Advise(new VirtualAddress(address), lengthBytes, advice));

    internal byte[] Dump(int frame)
    {
        Kernel.FlushCachesOfAllPackages();
        byte[] stored = new byte[4096];
        new AttackerView(Kernel.Platform).Dump((ulong)frame << 12, stored);
        return stored;
    }
}
