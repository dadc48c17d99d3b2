using System;
using System.Collections.Generic;
using System.Linq;

namespace Strongroom.Tests.Integrity;

/// <summary>Random orders that must succeed, and what they do to the truth.</summary>
internal static class OrderChooser
{
    private const int PageBytes = ShadowRegion.PageBytes;
    private const uint MayMove = 1;
    private const uint Fixed = 2;
    private const uint DontUnmap = 4;
    private const int ReadWrite = 3;
    private const int LargestLockedPages = 24;
    private static readonly bool s_hasGuards = Environment.OSVersion.Version >= new Version(6, 13);

    /// <summary>An order for one region; it may land on another one of <paramref name="others"/>.</summary>
    public static Order Choose(Random random, ShadowRegion region, List<ShadowRegion> others, bool alone)
    {
        int first = random.Next(region.PageCount);
        int pages = random.Next(1, region.PageCount - first + 1);
        Order order = new()
        {
            Address = region.Address + (ulong)(first * PageBytes),
            Length = (ulong)(pages * PageBytes),
            Seed = (ulong)random.NextInt64(),
        };
        bool writable = region.Protection == ReadWrite;
        bool readable = region.Protection != 0;
        switch (random.Next(100))
        {
            case < 30 when writable:
                order.Kind = random.Next(3) == 0 ? OrderKind.FillByCall : OrderKind.Fill;
                return random.Next(2) == 0 ? WithinPages(random, region, order) : order;
            case < 45 when readable && alone:
                order.Kind = OrderKind.Read;
                return order;
            case < 55 when readable:
                order.Kind = OrderKind.Touch;
                return order;
            case < 60 when !region.IsLocked:
                order.Kind = OrderKind.Discard;
                return order;
            case < 62 when !region.IsLocked && s_hasGuards:
                order.Kind = OrderKind.Guard;
                order.Other = (ulong)Math.Max(0, random.Next(-60, 60));
                return order;
            case < 66 when !region.IsLocked:
                order.Kind = OrderKind.Free;
                return order;
            case < 70:
                order.Kind = OrderKind.Unmap;
                return order;
            case < 82:
                return Move(random, region, others, order, alone);
            case < 88:
                return Whole(region, OrderKind.Protect, (uint)(random.Next(3) switch { 0 => 0, 1 => 1, _ => ReadWrite }));
            case < 91 when readable && (region.IsLocked || region.PageCount <= LargestLockedPages):
                return Whole(region, region.IsLocked ? OrderKind.Unlock : OrderKind.Lock, 0);
            case < 93:
                return Whole(region, OrderKind.Huge, (uint)random.Next(2));
            default:
                return new Order { Kind = OrderKind.Rest, Length = (ulong)random.Next(60) };
        }
    }

    /// <summary>Changes the truth as an order that succeeded has changed the memory.</summary>
    public static void Apply(Shadow shadow, Order order, ulong result)
    {
        switch (order.Kind)
        {
            case OrderKind.Map:
                shadow.Regions.Add(ShadowRegion.Zero(result, (int)order.Length));
                return;
            case OrderKind.Unmap:
                shadow.Remove(order.Address, order.Length);
                return;
            case OrderKind.Move:
                ApplyMove(shadow, order, result);
                return;
            case OrderKind.Rest or OrderKind.Read or OrderKind.Touch or OrderKind.Huge:
                return;
            default:
                ApplyToRegion(shadow.Regions.Single(r => r.Address <= order.Address && order.Address < r.End), order);
                return;
        }
    }

    private static void ApplyToRegion(ShadowRegion region, Order order)
    {
        int offset = (int)(order.Address - region.Address);
        int length = (int)order.Length;
        switch (order.Kind)
        {
            case OrderKind.Fill or OrderKind.FillByCall:
                region.Fill(offset, length, order.Seed);
                break;
            case OrderKind.Discard or OrderKind.Guard:
                region.Discard(offset / PageBytes, length / PageBytes);
                break;
            case OrderKind.Free:
                region.MayBeZero.AsSpan(offset / PageBytes, length / PageBytes).Fill(true);
                break;
            case OrderKind.Protect:
                region.Protection = (int)order.Flags;
                break;
            case OrderKind.Lock or OrderKind.Unlock:
                region.IsLocked = order.Kind == OrderKind.Lock;
                break;
            default:
                throw new InvalidOperationException($"{order.Kind} has no effect on a region.");
        }
    }

    private static void ApplyMove(Shadow shadow, Order order, ulong result)
    {
        ShadowRegion old = shadow.Regions.Single(r => r.Address <= order.Address && order.Address < r.End);
        ShadowRegion part = old.Part((int)(order.Address - old.Address) / PageBytes, (int)order.Length / PageBytes);
        shadow.Remove(order.Address, order.Length);
        if ((order.Flags & DontUnmap) != 0)
        {
            ShadowRegion left = ShadowRegion.Zero(order.Address, (int)order.Length);
            left.Protection = part.Protection;
            shadow.Regions.Add(left);
        }

        shadow.Remove(result, order.Seed);
        shadow.Regions.Add(part.At(result, (int)order.Seed));
    }

    // Grows or shrinks it, leaves an empty mapping behind, or puts it onto another region, which is lost.
    // Where the kernel chooses the place it may choose one that another order of the same batch has just left, so that
    // only an order alone lets it choose.
    private static Order Move(Random random, ShadowRegion region, List<ShadowRegion> others, Order order, bool alone)
    {
        order.Kind = OrderKind.Move;
        order.Seed = order.Length;      // The new length.
        order.Flags = MayMove;
        ShadowRegion? other = others.Find(r => r.Bytes.Length >= (int)order.Length && !r.IsLocked);
        switch (random.Next(4))
        {
            case 0 when alone && !region.IsLocked:
                order.Flags |= DontUnmap;
                return order;
            case 1 or 2 when other is not null:
                order.Flags |= Fixed;
                order.Other = other.Address;
                return order;
            case 3 when alone:
                order.Address = region.Address;
                order.Length = (ulong)region.Bytes.Length;
                order.Seed = (ulong)(Math.Clamp(region.PageCount + random.Next(-60, 80), 1, 400) * PageBytes);
                return order;
            default:
                return Whole(region, OrderKind.Huge, 1);
        }
    }

    private static Order Whole(ShadowRegion region, OrderKind kind, uint flags) => new()
    {
        Kind = kind,
        Flags = flags,
        Address = region.Address,
        Length = (ulong)region.Bytes.Length,
    };

    // Not from page to page; but a page given back by MADV_FREE must be written as a whole to be known again.
    private static Order WithinPages(Random random, ShadowRegion region, Order order)
    {
        if (region.MayBeZero.Contains(true))
        {
            return order;
        }

        ulong skipped = (ulong)random.Next((int)order.Length / 8) * 8;
        order.Address += skipped;
        order.Length = Math.Max(8, (ulong)random.Next((int)(order.Length - skipped) / 8) * 8);
        return order;
    }
}
