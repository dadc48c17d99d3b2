using Strongroom.Machine.Hardware;

namespace Strongroom.Machine.Mm;

/// <summary>The page tables of one process: four levels of 512 entries, with 4 KiB and 2 MiB leaves.</summary>
/// <remarks>
/// Entries have the hardware's bit layout. The tables themselves live in host memory, not in simulated DRAM: the kernel
/// keeps them under KeyID 0, where nothing of interest to this model happens to them. Thread safety: none.
/// </remarks>
internal sealed class PageTable
{
    private readonly Node _root = new() { Children = new Node?[512] };

    /// <summary>Gets the number of table pages, the root included.</summary>
    internal int TablePages { get; private set; } = 1;

    /// <summary>Walks to the entry of an address.</summary>
    /// <param name="address">Any canonical user address.</param>
    /// <param name="pte">The entry, or 0.</param>
    /// <param name="size">The size of page that the entry maps or would map.</param>
    /// <returns>Whether the entry is present.</returns>
    internal bool TryWalk(ulong address, out ulong pte, out PageSize size)
    {
        size = PageSize.Small;
        Node? node = _root;
        for (int level = 3; level > 0; level--)
        {
            int index = Index(address, level);
            pte = node.Entries[index];
            if (level == 1 && (pte & Pte.Large) != 0)
            {
                size = PageSize.Medium;
                return (pte & Pte.Present) != 0;
            }

            node = node.Children![index];
            if (node is null)
            {
                pte = 0;
                return false;
            }
        }

        pte = node.Entries[Index(address, 0)];
        return (pte & Pte.Present) != 0;
    }

    /// <summary>Gets the entry of a 4 KiB page; 0 when nothing was ever put there.</summary>
    internal ulong Get(ulong address)
    {
        _ = TryWalk(address, out ulong pte, out PageSize size); // a swap entry is not present and still wanted
        return size == PageSize.Small ? pte : 0;
    }

    /// <summary>Sets the entry of a 4 KiB page; the tables above it are made as needed.</summary>
    internal void Set(ulong address, ulong pte)
    {
        Node node = _root;
        for (int level = 3; level > 0; level--)
        {
            node = Child(node, Index(address, level), level);
        }

        node.Entries[Index(address, 0)] = pte;
    }

    /// <summary>Sets the entry of a 2 MiB page and drops the table below it.</summary>
    /// <param name="address">A multiple of 2 MiB.</param>
    /// <param name="pmd">The entry with <see cref="Pte.Large"/> set, or 0.</param>
    internal void SetMedium(ulong address, ulong pmd)
    {
        Node node = Child(Child(_root, Index(address, 3), 3), Index(address, 2), 2);
        int index = Index(address, 1);
        if (node.Children![index] is not null)
        {
            node.Children[index] = null;
            TablePages--;
        }

        node.Entries[index] = pmd;
    }

    /// <summary>Finds the next address with an entry, present or swapped.</summary>
    /// <param name="from">Where to start; a multiple of 4096.</param>
    /// <param name="end">Where to stop.</param>
    /// <returns>The address of the entry, the first one of a 2 MiB page that starts below <paramref name="from"/>
    /// excepted: then <paramref name="from"/> itself; or <paramref name="end"/>.</returns>
    internal ulong NextMapped(ulong from, ulong end)
    {
        while (from < end)
        {
            Node? node = _root;
            int level = 3;
            for (; level > 0; level--)
            {
                int index = Index(from, level);
                if (node.Entries[index] != 0)
                {
                    return from;
                }

                if (node.Children![index] is not { } child)
                {
                    break;
                }

                node = child;
            }

            if (level == 0 && node.Entries[Index(from, 0)] != 0)
            {
                return from;
            }

            ulong step = 1ul << (12 + (level * 9));
            from = (from & ~(step - 1)) + step;
        }

        return end;
    }

    private static int Index(ulong address, int level) => (int)((address >> (12 + (level * 9))) & 511);

    private Node Child(Node node, int index, int level)
    {
        if (node.Children![index] is not { } child)
        {
            child = new Node();
            if (level > 1)
            {
                child.Children = new Node?[512];
            }

            node.Children[index] = child;
            node.Entries[index] = 0;
            TablePages++;
        }

        return child;
    }

    private sealed class Node
    {
        internal ulong[] Entries { get; } = new ulong[512];

        internal Node?[]? Children { get; set; }
    }
}
