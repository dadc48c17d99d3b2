using System;

namespace Strongroom.Machine.Checking;

/// <summary>One step of an explored model.</summary>
/// <param name="Kind">What happened, as a number of the model's own enumeration.</param>
/// <param name="A">The first argument.</param>
/// <param name="B">The second argument.</param>
/// <param name="C">The third argument.</param>
internal readonly record struct Step(byte Kind, byte A, byte B, byte C);

/// <summary>A small machine whose states fit in 64 bits, its steps, and the rules that must hold in every state.</summary>
/// <remarks>The state in which everything begins is 0 unless <see cref="Initial"/> says otherwise. Thread safety: none.</remarks>
internal abstract class ExploredModel
{
    /// <summary>The most steps that one state allows.</summary>
    internal const int MostSteps = 128;

    /// <summary>Gets the state in which exploration begins.</summary>
    internal virtual ulong Initial => 0;

    /// <summary>Gets the rule that the last step broke, or null. Cleared by <see cref="Successors"/>.</summary>
    internal string? Broken { get; private protected set; }

    /// <summary>Gets the same model as text of a TLA+ module, its name written as @NAME@.</summary>
    internal abstract string TlaModule { get; }

    /// <summary>Gets the names of the module's invariants, separated by spaces.</summary>
    internal abstract string TlaInvariants { get; }

    /// <summary>Lists every step from a state.</summary>
    /// <param name="s">The state.</param>
    /// <param name="next">Receives the states after each step; states equal to <paramref name="s"/> are left out.</param>
    /// <param name="steps">Receives the steps.</param>
    /// <returns>How many; <see cref="Broken"/> is set if the last step listed broke a rule of its own.</returns>
    /// <remarks>The rules of states are left to <see cref="FindBrokenInvariant"/>, which only new states need.</remarks>
    internal abstract int Successors(ulong s, Span<ulong> next, Span<Step> steps);

    /// <summary>Checks the rules that hold in every state.</summary>
    /// <returns>The first broken rule in words, or null.</returns>
    internal abstract string? FindBrokenInvariant(ulong s);

    /// <summary>Folds a state onto one of those that differ from it in names only.</summary>
    internal abstract ulong Canonical(ulong s);

    /// <summary>Renders a state for a reader.</summary>
    internal abstract string Describe(ulong s);

    /// <summary>Renders a step for a reader.</summary>
    internal abstract string Describe(Step step);

    /// <summary>Adds a step to a list, unless it changes nothing and breaks nothing.</summary>
    /// <returns>The new length of the list.</returns>
    private protected int Add(ulong s, ulong after, Step step, Span<ulong> next, Span<Step> steps, int count)
    {
        if (after == s && Broken is null)
        {
            return count;
        }

        next[count] = after;
        steps[count] = step;
        return count + 1;
    }
}
