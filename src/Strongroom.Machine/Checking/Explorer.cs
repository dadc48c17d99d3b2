using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace Strongroom.Machine.Checking;

/// <summary>What an exploration found.</summary>
/// <param name="States">Distinct states, up to symmetry unless it was switched off.</param>
/// <param name="Steps">Steps taken, so states generated.</param>
/// <param name="Depth">The longest shortest path.</param>
/// <param name="IsComplete">Whether every reachable state was visited.</param>
/// <param name="Broken">The first broken rule, or null.</param>
/// <param name="Trace">The steps that lead there, each with the state after it.</param>
/// <param name="Elapsed">How long it took.</param>
internal sealed record ExplorationResult(
    int States,
    long Steps,
    int Depth,
    bool IsComplete,
    string? Broken,
    IReadOnlyList<string> Trace,
    TimeSpan Elapsed);

/// <summary>
/// Visits every state of a small machine, breadth first, so the first broken rule comes with a shortest trace.
/// </summary>
/// <remarks>
/// States that differ in names only, as of CPUs or of KeyIDs above 0, are visited once, unless told otherwise.
/// Allocates: the table of states, 12 bytes a state in order, and a hash table of 8 bytes at a load of a quarter to a
/// half. Thread safety: none.
/// </remarks>
internal sealed class Explorer
{
    private const int RecentBits = 16;

    private readonly ExploredModel _model;
    private readonly int _mostStates;
    private readonly bool _usesSymmetry;
    private readonly ulong[] _recent = new ulong[1 << RecentBits]; // states plus one, as they were before folding
    private ulong[] _states = new ulong[1 << 16];
    private int[] _parents = new int[1 << 16];
    private ulong[] _table = new ulong[1 << 18]; // states plus one, so that zero is an empty slot
    private int _count;

    /// <summary>Makes an explorer.</summary>
    /// <param name="model">The rules.</param>
    /// <param name="mostStates">Where to stop.</param>
    /// <param name="usesSymmetry">Whether names may be exchanged; without, states are counted as TLC counts them.</param>
    internal Explorer(ExploredModel model, int mostStates = 50_000_000, bool usesSymmetry = true)
    {
        _model = model;
        _usesSymmetry = usesSymmetry;
        _mostStates = mostStates;
    }

    /// <summary>Explores from the empty machine.</summary>
    internal ExplorationResult Run()
    {
        long start = Stopwatch.GetTimestamp();
        Span<ulong> next = stackalloc ulong[ExploredModel.MostSteps];
        Span<ulong> firsts = stackalloc ulong[ExploredModel.MostSteps];
        Span<Step> steps = stackalloc Step[ExploredModel.MostSteps];
        _ = TryAdd(Folded(_model.Initial), -1); // the first state is new
        long taken = 0;
        int depth = 0;
        int levelEnd = 1;
        for (int at = 0; at < _count && _count < _mostStates; at++)
        {
            if (at == levelEnd)
            {
                depth++;
                levelEnd = _count;
            }

            int found = _model.Successors(_states[at], next, steps);
            taken += found;
            if (_model.Broken is { } broken)
            {
                List<string> trace = Trace(at);
                trace.Add($"{_model.Describe(steps[found - 1])} -> {_model.Describe(next[found - 1])}");
                return new(_count, taken, depth + 1, false, broken, trace, Stopwatch.GetElapsedTime(start));
            }

            int left = FoldUnseen(next[..found]);
            Look(next[..left], firsts);
            for (int i = 0; i < left; i++)
            {
                bool isKnown = firsts[i] == unchecked(next[i] + 1);
                if (!isKnown && TryAdd(next[i], at) && _model.FindBrokenInvariant(next[i]) is { } rule)
                {
                    return new(_count, taken, depth + 1, false, rule, Trace(_count - 1), Stopwatch.GetElapsedTime(start));
                }
            }
        }

        return new(_count, taken, depth, _count < _mostStates, null, [], Stopwatch.GetElapsedTime(start));
    }

    /// <summary>Folds states, and leaves out those that were seen a short while ago, before they cost anything.</summary>
    /// <returns>How many are left, at the front.</returns>
    private int FoldUnseen(Span<ulong> states)
    {
        int left = 0;
        foreach (ulong state in states)
        {
            ref ulong recent = ref _recent[unchecked(state * 0x9e37_79b9_7f4a_7c15) >> (64 - RecentBits)]; // Fibonacci hashing
            if (recent != unchecked(state + 1))
            {
                recent = unchecked(state + 1);
                states[left++] = Folded(state);
            }
        }

        return left;
    }

    // Reads the first slot of each without looking at it, so that reads that miss the processor's caches overlap.
    private void Look(ReadOnlySpan<ulong> states, Span<ulong> firsts)
    {
        ulong[] table = _table;
        ulong mask = (ulong)table.Length - 1;
        for (int i = 0; i < states.Length; i++)
        {
            firsts[i] = table[Hash(states[i]) & mask];
        }
    }

    private ulong Folded(ulong state) => _usesSymmetry ? _model.Canonical(state) : state;

    private bool TryAdd(ulong state, int parent)
    {
        ulong mask = (ulong)_table.Length - 1;
        ulong slot = Hash(state) & mask;
        ulong wanted = unchecked(state + 1);
        for (ulong found = _table[slot]; found != 0; found = _table[slot])
        {
            if (found == wanted)
            {
                return false;
            }

            slot = (slot + 1) & mask;
        }

        if (_count == _states.Length)
        {
            Array.Resize(ref _states, _count * 2);
            Array.Resize(ref _parents, _count * 2);
        }

        _states[_count] = state;
        _parents[_count] = parent;
        _count++;
        _table[slot] = wanted;
        if (_count * 2 > _table.Length)
        {
            Rehash();
        }

        return true;
    }

    private void Rehash()
    {
        ulong[] table = new ulong[_table.Length * 2];
        ulong mask = (ulong)table.Length - 1;
        for (int i = 0; i < _count; i++)
        {
            ulong slot = Hash(_states[i]) & mask;
            while (table[slot] != 0)
            {
                slot = (slot + 1) & mask;
            }

            table[slot] = unchecked(_states[i] + 1);
        }

        _table = table;
    }

    private static ulong Hash(ulong state)
    {
        // SplitMix64's finisher (Steele, Lea, Flood 2014): every input bit reaches every output bit.
        unchecked
        {
            state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
            state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
            return state ^ (state >> 31);
        }
    }

    /// <summary>
    /// Finds the steps to a state again by walking its parents forward; names of CPUs are those of the folded states.
    /// </summary>
    private List<string> Trace(int at)
    {
        Stack<int> path = new();
        for (int i = at; i >= 0; i = _parents[i])
        {
            path.Push(i);
        }

        List<string> trace = [];
        ulong[] next = new ulong[ExploredModel.MostSteps];
        Step[] steps = new Step[ExploredModel.MostSteps];
        int from = path.Pop();
        while (path.TryPop(out int to))
        {
            int found = _model.Successors(_states[from], next, steps);
            for (int i = 0; i < found; i++)
            {
                if (Folded(next[i]) == _states[to])
                {
                    trace.Add($"{_model.Describe(steps[i])} -> {_model.Describe(_states[to])}");
                    break;
                }
            }

            from = to;
        }

        _ = _model.Successors(_states[at], next, steps); // leaves Broken as the caller found it
        return trace;
    }
}
