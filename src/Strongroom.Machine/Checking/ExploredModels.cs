using System;
using System.Collections.Generic;
using Strongroom.Machine.Mm;

namespace Strongroom.Machine.Checking;

/// <summary>The small machines that can be explored.</summary>
internal enum ModelKind
{
    /// <summary>Caches, ciphertext, keys and the flush policies: I1 to I5.</summary>
    Caches,

    /// <summary>VMAs, entries and shared frames: I6.</summary>
    Vmas,

    /// <summary>The kernel's direct maps: I7.</summary>
    Maps,

    /// <summary>The page allocator's lists: I8.</summary>
    Frames,
}

/// <summary>Makes explored models.</summary>
internal static class ExploredModels
{
    /// <summary>Makes every model in which a fault can be seeded, in shapes that are explored in seconds.</summary>
    /// <param name="mutant">The seeded fault.</param>
    internal static IEnumerable<(string Name, ExploredModel Model)> WithFault(Mutant mutant)
    {
        foreach (ProtocolPolicy policy in Enum.GetValues<ProtocolPolicy>())
        {
            yield return ($"caches, {policy}", new ProtocolModel(new(Lines: 2, KeyIds: 3, Caches: 2, policy, Speculation.None, mutant)));
        }

        foreach (ProtocolPolicy policy in Enum.GetValues<ProtocolPolicy>())
        {
            yield return ($"frames, {policy}", new FrameModel(keyIds: 3, policy, mutant));
        }

        yield return ("maps", new MapModel(keyIds: 3, mutant));
        yield return ("VMAs", new VmaModel(new(Pages: 2, Processes: 2, KeyIds: 3, mutant)));
        yield return ("VMAs of one process", new VmaModel(new(Pages: 3, Processes: 1, KeyIds: 3, mutant)));
    }
}
