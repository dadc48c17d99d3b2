using System;
using System.Diagnostics;
using System.IO;
using Strongroom.Kernel;
using Strongroom.Pager.Tracing;

namespace Strongroom.Pager;

/// <content>Files that own a key: when to seal them, and when nobody has them any more.</content>
internal sealed partial class PagerLoop
{
    private const int LooksBeforeRelease = 2;
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromSeconds(1);
    private long _lookedForOwners;

    private void LookAtFiles()
    {
        if (_context.Files.IsEmpty)
        {
            return;
        }

        foreach (KeyedFile file in _context.Files.Values)
        {
            if (file.IsIdle(_context.Tick, _context.IdleTicks) && !TrySeal(file))
            {
                file.UsedAtTick = _context.Tick; // again after the idle time
            }
        }

        if (Stopwatch.GetElapsedTime(_lookedForOwners) >= s_betweenLooks)
        {
            _lookedForOwners = Stopwatch.GetTimestamp();
            ReleaseUnowned();
        }
    }

    // All mappings are replaced first, then it is looked whether there are others. While a process is being forked that may not be known.
    private bool TrySeal(KeyedFile file)
    {
        if (IsTreeMoving)
        {
            return false;
        }

        foreach (TargetMemory memory in _memories)
        {
            if (memory.Space is { Agent: not null } space && !space.TryStandInFor(file))
            {
                return false;
            }
        }

        if (IsMappedAnywhere(file))
        {
            return false;
        }

        long count = file.Seal(_context.Tick);
        if (count < 0 || IsTreeMoving || IsMappedAnywhere(file))
        {
            _ = file.Open(_context.Tick);
            return false;
        }

        _context.Statistics.SealedPages += count;
        return true;
    }

    private bool IsTreeMoving => _context.Orphans.Count > 0 || _unsettled.Count > 0 || _tracer.HasUntold || !_news.IsEmpty;

    private bool IsMappedAnywhere(KeyedFile file) => _memories.Exists(memory => IsMapped(memory, file));

    private static bool IsMapped(TargetMemory memory, KeyedFile file)
    {
        if (memory.Space is { Agent: not null } space)
        {
            return space.Maps(file);
        }

        using ProcMaps? maps = ProcMaps.TryOpen(memory.Pid);
        if (maps is not null && maps.Refresh())
        {
            foreach (Vma vma in maps)
            {
                if (vma.Kind == VmaKind.Secret && vma.File == file.Memory.Identity)
                {
                    return true;
                }
            }
        }

        return false;
    }

    // Nobody tells when the last descriptor is closed. One on its way between processes is not seen: what then ends is the key's care for
    // the file, not the file, and it is open.
    private void ReleaseUnowned()
    {
        foreach (KeyedFile file in _context.Files.Values)
        {
            bool isOwned = file.PendingMaps > 0
                || _memories.Exists(memory => memory.Space?.HasFile(file) ?? IsMapped(memory, file))
                || _memories.Exists(memory => HasDescriptor(memory.Pid, file.Memory.Identity));
            file.LooksUnseen = isOwned ? 0 : file.LooksUnseen + 1;
            if (file.LooksUnseen >= LooksBeforeRelease && _context.Files.TryRemove(file.Memory.Identity, out _))
            {
                file.Dispose();
            }
        }
    }

    private static bool HasDescriptor(int pid, VmaFile file)
    {
        try
        {
            foreach (FileSystemInfo each in new DirectoryInfo($"/proc/{pid}/fd").EnumerateFileSystemInfos())
            {
                if (each.LinkTarget?.StartsWith("/secretmem", StringComparison.Ordinal) == true
                    && SecretFile.TryIdentify(each.FullName, out VmaFile found, out _) && found == file)
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended.
        }

        return false;
    }
}
