using System;
using Strongroom.Core;
using Strongroom.Keys;
using Strongroom.Secrets;

namespace Strongroom.Machine.Mm;

/// <content>CPUs and memory that come and go.</content>
internal sealed partial class ModelKernel
{
    /// <summary>Takes a CPU offline.</summary>
    /// <returns>
    /// EPERM for the last CPU of a package while any KeyID is in use: nobody could clear the slot there.
    /// </returns>
    internal Errno OfflineCpu(int cpu)
    {
        if (!Programmer.TryHandOver(cpu))
        {
            int package = Platform.PackageOfCpu(cpu);
            Errno errno = Keys.RemoveTarget(() => Programmer.Depart(package));
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        _tlbs[cpu].FlushAll();
        Platform.SetOnline(cpu, online: false);
        return Errno.None;
    }

    /// <summary>Brings a CPU online; the first one of a package has its key table programmed first.</summary>
    /// <returns>
    /// What the key service answers: EPERM for a user key whose payload was not kept, ENOKEY when programming fails.
    /// </returns>
    internal Errno OnlineCpu(int cpu)
    {
        int package = Platform.PackageOfCpu(cpu);
        if (Programmer.LeadOf(package) >= 0 || !Programmer.IsAvailable)
        {
            Platform.SetOnline(cpu, online: true);
            return Errno.None;
        }

        Programmer.Arrive(package, cpu);
        using SecretBuffer fields = SecretBuffer.Allocate(KeyFields.LengthBytes);
        Errno errno = Keys.AddTarget(Programmer.CommitArrival, fields.Span);
        if (errno != Errno.None)
        {
            Programmer.CancelArrival();
            return errno;
        }

        Platform.SetOnline(cpu, online: true);
        return Errno.None;
    }

    /// <summary>Plugs a section of memory in and gives it to the movable zone.</summary>
    /// <param name="sectionAddress">A multiple of the section size, where nothing is plugged in.</param>
    /// <returns>EPERM when the rule refuses it; EEXIST.</returns>
    internal Errno OnlineMemory(ulong sectionAddress)
    {
        if (Platform.Dram.IsPresent(sectionAddress))
        {
            return Errno.EEXIST;
        }

        bool enabled = Enumeration.KeyIdCount > 0;
        if (enabled && Options.MemoryHotplug == MemoryHotplugRule.Refuse)
        {
            return Errno.EPERM;
        }

        Platform.SetMemoryPresent(sectionAddress, present: true);
        if (enabled && Keys.IsAnySlotInUse && !Programmer.IsTopologySafe())
        {
            // No CPU could program the controller that owns this memory.
            Platform.SetMemoryPresent(sectionAddress, present: false);
            return Errno.EPERM;
        }

        Keys.ForgetTopology();
        ulong end = sectionAddress + (ulong)Platform.Dram.SectionBytes;
        DirectMap.Add(sectionAddress, end);
        Allocator.AddFrames(
            (int)(sectionAddress >> 12), Platform.Dram.SectionBytes >> 12, NodeOf((int)(sectionAddress >> 12)), movable: true);
        return Errno.None;
    }

    /// <summary>Empties a section of memory and unplugs it.</summary>
    /// <returns>EBUSY when a page of it cannot be moved.</returns>
    internal Errno OfflineMemory(int cpu, ulong sectionAddress)
    {
        int first = (int)(sectionAddress >> 12);
        int count = Platform.Dram.SectionBytes >> 12;
        _ = Allocator.Policy.Shrink(cpu, int.MaxValue); // pooled pages of the section go back to the free lists
        Allocator.IsolateFree(first, count);
        for (int frame = first; frame < first + count; frame++)
        {
            if (Pages.State[frame] == FrameState.Used)
            {
                if (Migrate(cpu, frame, NodeOf(frame)) < 0)
                {
                    Allocator.Unisolate(first, count);
                    return Errno.EBUSY;
                }

                _ = Allocator.Policy.Shrink(cpu, 1); // with pools the old page may be held back
                Allocator.IsolateFree(first, count);
            }
        }

        // Lines of this memory must not be written back after it is gone.
        FlushCachesOfAllPackages();
        if (!Allocator.TryRemoveFrames(first, count))
        {
            Allocator.Unisolate(first, count);
            return Errno.EBUSY;
        }

        Array.Clear(Pages.KeyId, first, count);
        DirectMap.Remove(sectionAddress, sectionAddress + (ulong)Platform.Dram.SectionBytes);
        Platform.SetMemoryPresent(sectionAddress, present: false);
        return Errno.None;
    }
}
