using System;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Strongroom.Machine.Hardware;

/// <summary>The state of a line in one cache. See <see cref="CacheHierarchy"/> for the transitions.</summary>
internal enum LineState : byte
{
    /// <summary>Not present.</summary>
    Invalid,

    /// <summary>Clean, and others may hold it too.</summary>
    Shared,

    /// <summary>Held by nobody else at this level; a cache nearer to a CPU may hold a newer copy.</summary>
    Exclusive,

    /// <summary>Held by nobody else at this level and newer than memory.</summary>
    Modified,
}

/// <summary>
/// One set-associative array of lines, tagged with KeyID and physical address, least recently used out first.
/// </summary>
/// <remarks>
/// A line number is a bus address (KeyID bits included) divided by 64; so two KeyIDs of one address are two lines of
/// the same set. Thread safety: none. Allocates: only in the constructor.
/// </remarks>
internal sealed class CacheArray
{
    private const ulong Empty = ulong.MaxValue;

    private readonly ulong[] _tags;
    private readonly LineState[] _states;
    private readonly uint[] _stamps;
    private readonly ulong[] _sharers;
    private readonly byte[] _data;
    private readonly int _ways;
    private readonly ulong _setMask;
    private uint _clock;

    /// <summary>Makes an empty cache.</summary>
    /// <param name="shape">Its size and shape.</param>
    /// <param name="values">Whether lines carry bytes.</param>
    /// <param name="tracksSharers">Whether each line says which CPUs hold it (last level only).</param>
    internal CacheArray(CacheShape shape, bool values, bool tracksSharers)
    {
        int lines = shape.Sets * shape.Ways;
        _ways = shape.Ways;
        _setMask = (ulong)shape.Sets - 1;
        _tags = new ulong[lines];
        _tags.AsSpan().Fill(Empty);
        _states = new LineState[lines];
        _stamps = new uint[lines];
        _sharers = tracksSharers ? new ulong[lines] : [];
        _data = values ? new byte[lines * CacheShape.LineBytes] : [];
    }

    /// <summary>Gets the number of line slots.</summary>
    internal int Count => _tags.Length;

    /// <summary>Finds a line.</summary>
    /// <returns>Its slot, or -1.</returns>
    internal int Find(ulong line)
    {
        int start = (int)(line & _setMask) * _ways;
        ReadOnlySpan<ulong> set = _tags.AsSpan(start, _ways);
        Vector256<ulong> wanted = Vector256.Create(line);
        int way = 0;
        for (; way + Vector256<ulong>.Count <= set.Length; way += Vector256<ulong>.Count)
        {
            Vector256<ulong> tags = Vector256.Create(set.Slice(way, Vector256<ulong>.Count));
            uint hits = Vector256.Equals(tags, wanted).ExtractMostSignificantBits();
            if (hits != 0)
            {
                return start + way + BitOperations.TrailingZeroCount(hits);
            }
        }

        for (; way < set.Length; way++)
        {
            if (set[way] == line)
            {
                return start + way;
            }
        }

        return -1;
    }

    /// <summary>Tells whether a slot still holds a line.</summary>
    internal bool Holds(int slot, ulong line) => _tags[slot] == line;

    /// <summary>Marks a slot as the most recently used of its set.</summary>
    internal void Touch(int slot)
    {
        if (_clock == uint.MaxValue)
        {
            // Ages restart: the order of one set is lost once in four billion touches, which only moves a few
            // evictions.
            Array.Clear(_stamps);
            _clock = 0;
        }

        _stamps[slot] = ++_clock;
    }

    /// <summary>Chooses the slot that a new line takes: an empty one, or the least recently used.</summary>
    internal int Victim(ulong line)
    {
        int start = (int)(line & _setMask) * _ways;
        int best = start;
        for (int slot = start; slot < start + _ways; slot++)
        {
            if (_tags[slot] == Empty)
            {
                return slot;
            }

            if (_stamps[slot] < _stamps[best])
            {
                best = slot;
            }
        }

        return best;
    }

    /// <summary>Puts a line in an empty slot. The bytes are the caller's to fill.</summary>
    internal void Install(int slot, ulong line, LineState state)
    {
        _tags[slot] = line;
        _states[slot] = state;
        if (_sharers.Length != 0)
        {
            _sharers[slot] = 0;
        }

        Touch(slot);
    }

    /// <summary>Empties a slot.</summary>
    internal void Drop(int slot)
    {
        _tags[slot] = Empty;
        _states[slot] = LineState.Invalid;
        if (_sharers.Length != 0)
        {
            _sharers[slot] = 0;
        }
    }

    /// <summary>Gets the line in a slot, or false when the slot is empty.</summary>
    internal bool TryGetLine(int slot, out ulong line)
    {
        line = _tags[slot];
        return line != Empty;
    }

    /// <summary>Gets the state of a slot.</summary>
    internal LineState State(int slot) => _states[slot];

    /// <summary>Sets the state of a slot that holds a line.</summary>
    internal void SetState(int slot, LineState state) => _states[slot] = state;

    /// <summary>Gets the CPUs of the package that hold the line of a slot, one bit each.</summary>
    internal ulong Sharers(int slot) => _sharers[slot];

    /// <summary>Sets the CPUs of the package that hold the line of a slot.</summary>
    internal void SetSharers(int slot, ulong sharers) => _sharers[slot] = sharers;

    /// <summary>Gets the 64 bytes of a slot; empty in a machine without values.</summary>
    internal Span<byte> Data(int slot) =>
        _data.Length == 0 ? default : _data.AsSpan(slot * CacheShape.LineBytes, CacheShape.LineBytes);
}
